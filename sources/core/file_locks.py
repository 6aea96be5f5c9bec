"""A lock on an open file, which the system frees when its holder has ended, however that was."""

import errno
import fcntl


def try_lock(descriptor: int) -> bool:
    """Lock an open file; False = another process holds it.

    Raises:
        OSError: the file system has no locks.
    """
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EAGAIN, errno.EACCES):
            return False
        raise
    return True
