"""As whom PostgreSQL runs: it refuses root, and users without an account."""

import ctypes
import os
import pwd
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tools.dev.places import Refusal

NOBODY = 65534
CLONE_NEWUSER = 0x10000000


@dataclass(frozen=True)
class Identity:
    """A user: whose the files are, and what a child does to become it."""

    owner: int
    become: Callable[[], None] | None = None

    def own(self, folder: Path) -> None:
        """Make a folder this user's."""
        os.chown(folder, self.owner, -1)


def choose_identity(data: Path, programs: Path) -> Identity:
    """
    Return a user that PostgreSQL accepts, the owner of the data where there are any.

    :raises Refusal: there is none on this machine.
    """
    me = os.geteuid()
    if me and _has_account(me):
        return Identity(me)
    owner = data.stat().st_uid if data.exists() else None
    if owner in (None, me) and _works(_enter_user_namespace):
        return Identity(me, _enter_user_namespace)
    if me:
        raise Refusal("This user has no account, and PostgreSQL needs one. Name a database with DATABASE_URL.")
    if owner == 0:
        raise Refusal(f"{data} belongs to root, as whom PostgreSQL does not run here. Try: chown -R {NOBODY} {data}")
    become = partial(_drop_rights, owner or NOBODY)
    if not _works(lambda: (become(), os.stat(data.parent), os.stat(programs / "postgres"))):
        raise Refusal(f"PostgreSQL does not run as root, and no other user may enter {data.parent} or {programs}.")
    return Identity(owner or NOBODY, become)


def _has_account(uid: int) -> bool:
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True


def _enter_user_namespace() -> None:
    """Be nobody inside and ourselves outside: files stay ours, without chown and without another account."""
    maps = {"setgroups": "deny", "uid_map": f"{NOBODY} {os.geteuid()} 1", "gid_map": f"{NOBODY} {os.getegid()} 1"}
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWUSER):
        raise OSError(ctypes.get_errno(), "user namespaces are refused")
    for name, words in maps.items():
        Path(f"/proc/self/{name}").write_text(words)


def _drop_rights(uid: int) -> None:
    os.setgroups([])
    os.setgid(uid)
    os.setuid(uid)


def _works(attempt: Callable[[], object]) -> bool:
    """Whether something works, tried in a child that ends."""
    pid = os.fork()
    if pid == 0:
        try:
            attempt()
        except BaseException:
            os._exit(1)
        os._exit(0)
    return os.waitpid(pid, 0)[1] == 0
