"""Files inside of a page, which a link saves: a URL holds the whole file, so that the page needs no network and no script."""

import base64
import io
import zipfile
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import quote

PLAIN = 256 * 1024  # bytes; a larger file is zipped
MOST = 24 * 1024 * 1024  # bytes; what is larger still would make the page too slow
SAFE = " !*+,-.;=?@[]^_`{|}~:"  # of ASCII, beside letters and digits: what stands as it is in a URL that holds data


def data_url(kind: str, text: str) -> str:
    """A URL that holds a text.

    Args:
        kind: its media type, such as "text/csv".
        text: the file.

    >>> data_url("text/csv", "a,b\\n1,#\\n")
    'data:text/csv;charset=utf-8,a,b%0A1,%23%0A'
    """
    return f"data:{kind};charset=utf-8,{quote(text, safe=SAFE)}"


class Download(NamedTuple):
    """A file inside of a page.

    Args:
        name: what it is saved as.
        url: the file itself; None: it is too large for a page.
        size: of what is saved, in bytes.
    """

    name: str
    url: str | None
    size: int

    @classmethod
    def of(cls, name: str, content: bytes) -> "Download":
        """A CSV file as it is or, where it is large, in a zip archive, which every system opens and pandas reads.

        Args:
            name: such as "report.csv".
            content: in UTF-8.

        >>> Download.of("a.csv", b"x" * 1_000_000).name
        'a.csv.zip'
        """
        if len(content) <= PLAIN:
            return cls(name, data_url("text/csv", content.decode()), len(content))
        archive = zipped({name: content})
        url = f"data:application/zip;base64,{base64.b64encode(archive).decode()}" if len(archive) <= MOST else None
        return cls(f"{name}.zip", url, len(archive))

    @property
    def said(self) -> str:
        """Its size in words.

        >>> Download("a.csv", "", 2_400_000).said
        '2.4 MB'
        """
        return f"{self.size / 1e6:.1f} MB" if self.size >= 1e6 else f"{max(self.size / 1e3, 1):.0f} kB"


def zipped(files: Mapping[str, bytes]) -> bytes:
    """A zip archive, the same bytes each time.

    Args:
        files: name → content.
    """
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, content in files.items():
            info = zipfile.ZipInfo(name)  # of 1980, whenever it is made
            info.external_attr = 0o644 << 16
            archive.writestr(info, content, zipfile.ZIP_DEFLATED)
    return file.getvalue()
