#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""How long one command takes under another kernel: vmtest, plain QEMU and virtme-ng side by side.

Every repeat runs each of them once, in turn, so that what else the machine does falls on all alike. The ratios are
the result, the seconds only illustrate them. All boot the same kernel image under TCG with one CPU and 512 MiB:

  vmtest, warm   vmtest run --kernel K -- uname -r             the machine was saved before
  vmtest, cold   vmtest run --cold --kernel K -- uname -r
  plain QEMU     vmtest's machine, and an initramfs of busybox and a script: mount, uname -r, poweroff
  virtme-ng      vng --disable-kvm --run IMAGE --cpus 1 --memory 512M -- uname -r

virtme-ng is Debian's, of SUITE, unpacked and not installed, with what it depends on; so is virtiofsd, which it serves
this machine's root to the guest with (Debian's cloud kernels have virtiofs and no 9p). What the guest must find in that
root, the kernel's modules and udev, is laid over /usr in a mount namespace: nothing of this machine is changed.
"""

import argparse
import gzip
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
SUITE = "trixie"
VMTEST = ROOT / "build/bin/vmtest"
PROVIDER = ROOT / "kernels/providers/packages"
PACKAGES = ("virtme-ng python3-argcomplete python3-requests python3-urllib3 python3-certifi python3-idna "
            "python3-chardet virtiofsd libc6 libcap-ng0 libseccomp2 libgcc-s1 busybox-static").split()
LIMIT = 600  # seconds for one run of anything

INIT = """#!/bin/busybox sh
/bin/busybox mount -t proc proc /proc
/bin/busybox uname -r
/bin/busybox poweroff -f
"""

# Our first argument is laid over /usr, the rest is run.
OVERLAY = 'lower=$1; shift; mount -t overlay -o "lowerdir=$lower:/usr" overlay /usr && exec "$@"'


def say(text):
    print(f"bench: {text}", file=sys.stderr)


def unpack(package, folder):
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["dpkg-deb", "--extract", package, folder], check=True)


def fetch(work):
    """Brings the packages and unpacks each into a folder of its name; keeps them for the next time."""
    done = work / "complete"
    if done.exists():
        return
    say(f"fetching virtme-ng and what it needs from {SUITE}, once")
    shutil.rmtree(work, ignore_errors=True)
    (work / "debs").mkdir(parents=True)
    subprocess.run([PROVIDER, "update", work / "apt", SUITE], check=True)
    subprocess.run([PROVIDER, "fetch", work / "apt", work / "debs", *PACKAGES], check=True)
    # It runs in the guest with this machine's libraries: it must be this machine's, too.
    subprocess.run(["apt-get", "-qq", "download", "udev"], cwd=work / "debs", check=True)
    for package in (work / "debs").iterdir():
        unpack(package, work / package.name.split("_")[0])
    done.touch()


def kernel_of(asked):
    """Release, image, modules."""
    subprocess.run([VMTEST, "kernels", "fetch", asked], check=True, stdout=subprocess.DEVNULL)
    shown = subprocess.run([VMTEST, "kernels", "show", asked], check=True, capture_output=True, text=True).stdout
    fields = dict(re.findall(r"^(\w+):? +(\S+)$", shown, re.MULTILINE))
    return fields["release"], pathlib.Path(fields["image"]), pathlib.Path(fields["modules"])


def initramfs(work):
    """busybox and a script, as one would pack it by hand."""
    tree = work / "initramfs"
    shutil.rmtree(tree, ignore_errors=True)
    for name in ("bin", "proc", "dev"):
        (tree / name).mkdir(parents=True)
    shutil.copy(work / "busybox-static/usr/bin/busybox", tree / "bin/busybox")
    (tree / "init").write_text(INIT)
    (tree / "init").chmod(0o755)
    names = "\n".join(str(path.relative_to(tree)) for path in sorted(tree.rglob("*")))
    packed = subprocess.run([tree / "bin/busybox", "cpio", "-o", "-H", "newc"], cwd=tree, input=names.encode(),
                            check=True, capture_output=True).stdout
    (work / "initramfs.gz").write_bytes(gzip.compress(packed))
    return work / "initramfs.gz"


def plain(work, image):
    return ["qemu-system-x86_64", "-nodefaults", "-no-user-config", "-no-reboot", "-display", "none", "-machine", "q35",
            "-m", "512M", "-smp", "1", "-accel", "tcg,thread=single", "-cpu", "max,-erms,-fsrm", "-serial", "stdio",
            "-kernel", image, "-initrd", initramfs(work), "-append", "console=ttyS0 panic=-1 quiet"], None


def virtme(work, release, image, modules):
    """The command and its environment."""
    over = work / "over"
    shutil.rmtree(over, ignore_errors=True)
    home = over / "lib/modules" / release
    shutil.copytree(modules, home)
    for part in ("lib", "bin"):  # what Debian 12 has in /lib and /bin are links into /usr
        for base in (work / "udev" / part, work / "udev/usr" / part):
            if base.exists():
                shutil.copytree(base, over / part, symlinks=True, dirs_exist_ok=True)
    subprocess.run(["depmod", "--basedir", over, release], check=True, stderr=subprocess.DEVNULL)
    tools, libraries = work / "tools", work / "libraries"
    tools.mkdir(exist_ok=True)
    libraries.mkdir(exist_ok=True)
    for name in ("libc6", "libcap-ng0", "libseccomp2", "libgcc-s1"):
        for library in (work / name).glob("**/x86_64-linux-gnu/*.so*"):
            shutil.copy(library, libraries / library.name)
    daemon = tools / "virtiofsd"
    daemon.write_text(f'#!/bin/sh\nexec {libraries}/ld-linux-x86-64.so.2 --library-path {libraries} '
                      f'{work}/virtiofsd/usr/libexec/virtiofsd "$@"\n')
    daemon.chmod(0o755)
    python = [str(path) for path in work.glob("*/usr/lib/python3/dist-packages")]
    environment = {**os.environ, "PYTHONPATH": ":".join(python), # busybox: for the initramfs it makes
                   "PATH": f"{tools}:{work}/virtme-ng/usr/bin:{work}/busybox-static/usr/bin:"
                   + os.environ["PATH"]}
    user = [] if os.geteuid() == 0 else ["--map-root-user"]
    return ["unshare", "--mount", *user, "sh", "-c", OVERLAY, "overlay", over, sys.executable,
            work / "virtme-ng/usr/bin/vng", "--disable-kvm", "--run", image, "--cpus", "1", "--memory", "512M", "--",
            "uname", "-r"], environment


def once(command, environment, release):
    """Seconds, or None of a run that did not give the right answer."""
    begun = time.monotonic()
    done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors="replace", timeout=LIMIT, cwd=ROOT)
    took = time.monotonic() - begun
    if release not in done.stdout.split():
        say(f"{' '.join(map(str, command))}\nended with {done.returncode} and without \"{release}\":\n"
            + done.stdout[-2000:])
        return None
    return took


def version(command, pattern):
    return re.search(pattern, subprocess.run(command, capture_output=True, text=True).stdout).group(1)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kernel", default="6.12", help="a packaged kernel with virtiofs built in: 6.12 or later")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--without-virtme", action="store_true", help="only vmtest and plain QEMU: quick")
    options = parser.parse_args()

    work = ROOT / "build/bench"
    fetch(work)
    release, image, modules = kernel_of(options.kernel)
    run = [VMTEST, "run", "--accel", "tcg", "--kernel", options.kernel]
    subjects = {"`vmtest run`, warm": ([*run, "--", "uname", "-r"], None),
                "`vmtest run --cold`": ([*run, "--cold", "--", "uname", "-r"], None),
                "plain QEMU, busybox in an initramfs": plain(work, image)}
    if not options.without_virtme:
        number = version(["dpkg-deb", "--field", next((work / "debs").glob("virtme-ng_*")), "Version"], r"(\S+)")
        subjects[f"virtme-ng {number}"] = virtme(work, release, image, modules)

    times = {name: [] for name in subjects}
    if once(*subjects["`vmtest run`, warm"], release) is None:  # saves the machine
        return 1
    for repeat in range(options.repeats):
        for name, (command, environment) in subjects.items():
            times[name].append(once(command, environment, release))
        latest = [taken[-1] for taken in times.values()]
        say(f"{repeat + 1} of {options.repeats}: " + ", ".join(f"{took:.2f} s" if took else "wrong" for took in latest))

    base = times["`vmtest run`, warm"]
    qemu = version(["qemu-system-x86_64", "--version"], r"version (\S+)")
    print(f"`uname -r` under {release}; QEMU {qemu}, TCG, 1 CPU, 512 MiB; {os.cpu_count()} cores; "
          f"{options.repeats} runs each, interleaved.\n")
    print("| | right answers | median | least | most | ratio to warm (median of pairs) |\n|---|---|---|---|---|---|")
    for name, taken in times.items():
        right = [took for took in taken if took]
        row = f"| {name} | {len(right)} of {len(taken)} |"
        if right:
            ratio = statistics.median(mine / its for mine, its in zip(taken, base) if mine and its)
            row += f" {statistics.median(right):.2f} s | {min(right):.2f} s | {max(right):.2f} s | {ratio:.1f} |"
        print(row)
    return 0


if __name__ == "__main__":
    sys.exit(main())
