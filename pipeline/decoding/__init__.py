"""From the bytes of an image file to one 8-bit gray picture, or a reason why that is impossible; knows no table."""
