"""What a picture says of itself, read without the code that wrote it."""

from pathlib import Path
from typing import Any

from PIL import Image

SOFTWARE, DESCRIPTION = 0x0131, 0x010E  # numbers of EXIF


def of(path: Path) -> dict[str, Any]:
    """Return 'Software', 'Comment' and 'Description': texts of a PNG, EXIF data and comment of a JPEG."""
    with Image.open(path) as picture:
        if picture.format == "PNG":
            return {name: picture.info[name] for name in ("Software", "Comment", "Description")}
        exif, comment = picture.getexif(), picture.info["comment"].decode()
    return {"Software": exif[SOFTWARE], "Comment": comment, "Description": exif[DESCRIPTION]}
