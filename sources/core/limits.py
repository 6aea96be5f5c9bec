"""Limits on untrusted input: how much of a page, text or archive is read. Far above what honest sources need.

What one request, file or source may transfer is set elsewhere (``sources/transport/policy.py`` and the profile).
"""

# Web pages (sources/reading/html.py)
PAGE_CHARACTERS = 4_000_000  # real pages: about 100,000
PAGE_TAGS = 50_000  # real pages: about 5,000
SELECTED_ELEMENTS = 1_000  # matches of one selector
ENCLOSING_LEVELS = 12  # levels above a picture that are searched for its link and caption
LISTING_PAGES = 500  # pages of one listing

# Answers of APIs (sources/reading/answers.py)
API_ANSWERS = 2_000  # answers of one listing
SAVED_ANSWER_BYTES = 64_000_000
SAVED_ANSWERS = 10_000  # files in one folder

# Articles (sources/articles/jats.py, figures.py, panels.py)
FULL_TEXT_BYTES = 30_000_000  # real full texts: about 100,000
ARTICLE_FIGURES = 300
ARTICLE_FILES = 20_000  # of one article in PMC's bucket
BUCKET_ANSWERS = 20  # answers of one list, 1,000 files each
FIGURE_BYTES = 200_000_000
FIGURE_PIXELS = 60_000_000

# Archives and tables (sources/reading/archive.py, tables.py)
ARCHIVE_MEMBERS = 1_000_000  # real archives: up to 400,000
ARCHIVE_DIRECTORY_BYTES = 300_000_000  # of a zip archive; real ones: up to 40 MB
ARCHIVE_GROWTH = 200  # how many times its size a tar archive may unpack to, beyond the next number of bytes
ARCHIVE_SPARE_BYTES = 1 << 30
TAR_HEADER_BYTES = 1 << 20  # real long names and attributes: below 10 kB
MEMBER_BYTES = 1 << 30
MEMBER_TEXT_BYTES = 64 * 1024  # real clinical readings: about 100
TABLE_HEADER_CHARACTERS = 100_000
PUBLISHED_TABLE_BYTES = 200_000_000  # of one source; the largest real one has 9 MB

# Tables of the user's own folders (sources/own/)
TABLE_BYTES = 2 << 30  # unpacked
TABLE_ROWS = 20_000_000
TABLE_COLUMNS = 16_384  # as many as a sheet of Excel has
CELL_CHARACTERS = 16_000_000

# Prose (sources/language/words.py, views.py)
PROSE_CHARACTERS = 20_000  # an honest caption or case history is shorter

# Studies (sources/cases/radiopaedia_pages.py)
STUDY_IMAGES = 5_000  # real CT stacks: some hundreds
