"""Other people's wallets for the tests: ethers 6, viem and ox, through npm into build/npm.

They are pinned, with their checksums, by package-lock.json beside this file; the first run needs the network or npm's cache.
"""
import fcntl
import hashlib
import json
import os
import pathlib
import shutil
import subprocess

SOURCE = pathlib.Path(__file__).resolve().parent
ROOT = SOURCE.parents[2]
BIN = pathlib.Path(os.environ.get("BUSBAR_BIN") or ROOT / "build/release/bin").resolve()
FOLDER = BIN.parents[1] / "npm"
PATIENCE_S = 100


class NoWallets(Exception):
    """Why ethers and viem are not there."""


def installed():
    """Installs what the lock file names, once; NoWallets when that cannot be."""
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            raise NoWallets(f"{program} is not there: run configs/install check")
    FOLDER.mkdir(parents=True, exist_ok=True)
    with open(FOLDER / ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        wanted = hashlib.sha256(b"".join((SOURCE / name).read_bytes() for name in ("package.json", "package-lock.json"))).hexdigest()
        stamp = FOLDER / ".installed"
        if not stamp.exists() or stamp.read_text() != wanted:
            stamp.unlink(missing_ok=True)
            for name in ("package.json", "package-lock.json"):
                shutil.copy(SOURCE / name, FOLDER / name)
            npm = subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline", "--no-update-notifier"],
                                 cwd=FOLDER, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
            if npm.returncode != 0:
                raise NoWallets("ethers and viem could not be installed: `npm ci` failed, which needs the network the first time. "
                                f"It said:\n{npm.stderr[-2000:]}")
            stamp.write_text(wanted)
        script = FOLDER / "wallets.mjs"
        if not script.exists() or script.read_bytes() != (SOURCE / "wallets.mjs").read_bytes():
            draft = FOLDER / ".wallets.mjs.new"
            shutil.copy(SOURCE / "wallets.mjs", draft)
            draft.rename(script)


def run(*words, given=None):
    """What `node wallets.mjs WORDS` prints; `given` is its standard input, as JSON."""
    done = subprocess.run(["node", FOLDER / "wallets.mjs", *map(str, words)], input=None if given is None else json.dumps(given),
                          stdin=subprocess.DEVNULL if given is None else None, capture_output=True, text=True, timeout=PATIENCE_S,
                          check=False)
    if done.returncode != 0:
        raise AssertionError(f"node wallets.mjs {' '.join(map(str, words))}:\n{done.stderr}")
    return done.stdout


def require():
    """For a setUpModule: installs them; an AssertionError says why they are not there. Never skipped."""
    try:
        installed()
    except NoWallets as reason:
        raise AssertionError(str(reason)) from None
