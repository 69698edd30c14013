"""Where a database may lie."""

from __future__ import annotations

from pathlib import Path

import pytest

from siscon.store.files import filesystem_of, is_network_filesystem

MOUNTS = """\
22 1 254:0 / / rw,relatime - ext4 /dev/vda rw
30 22 0:40 / /home rw,relatime shared:5 - nfs4 server:/home rw
31 30 254:1 / /home/local rw - xfs /dev/vdb rw
32 22 0:41 / /mnt/school\\040share rw - cifs //server/share rw
a broken line
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/var/lib/siscon", "ext4"),
        ("/home/siscon", "nfs4"),
        ("/home/local/siscon", "xfs"),
        ("/homes", "ext4"),
        ("/mnt/school share/x", "cifs"),
    ],
)
def test_the_innermost_mount_says_what_a_place_is(path: str, kind: str) -> None:
    assert filesystem_of(Path(path), MOUNTS) == kind


def test_a_local_folder_is_no_network_share(tmp_path: Path) -> None:
    assert is_network_filesystem(tmp_path) is None
