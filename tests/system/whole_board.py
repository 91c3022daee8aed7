"""A whole board in QEMU: an SD card of `busbar image build --board emulated`, started through U-Boot and Debian's kernel."""
import subprocess

from neighbourhood import BIN

BUILD = BIN.parent.parent
FIRMWARE = BUILD / "armhf/bin/busbar-node"
CACHE = BUILD / "image"


def make_card(path, *arguments):
    """A card, a board's that is not enrolled unless the arguments say more."""
    subprocess.run([BIN / "busbar", "image", "build", "--board", "emulated", "--output", path, "--cache", CACHE, *arguments],
                   check=True, capture_output=True, timeout=300)


def whole(card, line):
    """The words that start a board from a card, its UART at a pty: it dies with who started it, as nothing may stay behind."""
    return ["setpriv", "--pdeathsig", "KILL", "qemu-system-arm", "-M", "orangepi-pc", "-global", "cortex-a7-arm-cpu.cntfrq=24000000",
            "-nic", "none", "-display", "none", "-monitor", "none", "-no-reboot", "-drive", f"if=sd,format=raw,file={card}",
            "-chardev", f"serial,id=uart,path={line}", "-serial", "chardev:uart"]


def program(board_file, line):
    """The words that run the program for ARM through the emulator of its instruction set."""
    return ["setpriv", "--pdeathsig", "KILL", "qemu-arm", "-cpu", "cortex-a7", FIRMWARE, "--config", board_file, "--port", line]
