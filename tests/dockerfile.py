"""A Dockerfile without a Docker engine: parsed, and each of its commands run in order in a bare folder (chroot).

What stands in for the base image: Debian's minimal system by debootstrap, with this machine's own Python 3.11 copied to
/usr/local and a fresh pip, as in the official image. Needs root, debootstrap and namespaces (util-linux).
"""

import fnmatch
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

LIBRARIES = "libssl3,libffi8,libsqlite3-0,zlib1g,libbz2-1.0,liblzma5,libreadline8,libncursesw6,libuuid1,ca-certificates"
PATH = "/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"
# What a RUN is lent of this machine so that it can download: names, certificates, and the installer's own settings.
LENT = ("/etc/resolv.conf", "/etc/hosts", "/etc/ssl/certs", "/etc/pip.conf")


@dataclass(frozen=True)
class Instruction:
    """One instruction: `RUN`, its words, the line it begins on."""

    name: str
    text: str
    line: int


def instructions(text: str) -> list[Instruction]:
    """The file's instructions, continued lines joined, comments left out."""
    found: list[Instruction] = []
    pending, begun = "", 0
    for number, raw in enumerate(text.splitlines(), 1):
        if raw.lstrip().startswith("#") or (not pending and not raw.strip()):
            continue
        begun = begun or number
        pending += raw.rstrip().removesuffix("\\") + " "
        if not raw.rstrip().endswith("\\"):
            name, _, rest = pending.strip().partition(" ")
            found.append(Instruction(name.upper(), rest.strip(), begun))
            pending, begun = "", 0
    return found


def stages(text: str) -> dict[str, list[Instruction]]:
    """Instructions by stage name, in order; what stands before the first FROM under ""."""
    by_name: dict[str, list[Instruction]] = {"": []}
    name = ""
    for one in instructions(text):
        if one.name == "FROM":
            name = one.text.split(" AS ")[-1].strip()
            by_name[name] = []
        by_name[name].append(one)
    return by_name


def expanded(text: str, values: Mapping[str, str]) -> str:
    """`$NAME` and `${NAME}` replaced, an unknown one by nothing, as in every instruction but RUN."""
    return re.sub(r"\$\{?(\w+)\}?", lambda match: values.get(match[1], ""), text)


def assignments(text: str) -> dict[str, str]:
    """`A=1 B="two words"` as a dict."""
    return dict(word.split("=", 1) for word in shlex.split(text))


def ignored(path: str, patterns: Sequence[str]) -> bool:
    """Whether .dockerignore keeps a path of the context out: the last pattern that matches it or a parent decides."""
    out = False
    for pattern in patterns:
        wanted = pattern.lstrip("!").strip("/")
        parts = Path(path).parts
        parents = ["/".join(parts[:end]) for end in range(1, len(parts) + 1)]
        names = [wanted, wanted.removeprefix("**/")] if wanted.startswith("**/") else [wanted]
        hits = (fnmatch.fnmatchcase(p, n) for p in parents for n in names)
        tails = (fnmatch.fnmatchcase(part, names[-1]) for part in parts) if wanted.startswith("**/") else ()
        if any(hits) or any(tails):
            out = not pattern.startswith("!")
    return out


def patterns(context: Path) -> list[str]:
    """The lines of .dockerignore that say something."""
    lines = (context / ".dockerignore").read_text().splitlines()
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


@dataclass(frozen=True)
class Bare:
    """A stage as a folder: what a container of it would see as `/`, and what it would be started with."""

    root: Path
    env: dict[str, str] = field(default_factory=dict)
    args: dict[str, str] = field(default_factory=dict)
    workdir: str = "/"
    user: str = "0:0"
    entrypoint: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()

    def at(self, path: str) -> Path:
        """The folder's own file for a path inside it."""
        return self.root / str(Path(self.workdir) / path).lstrip("/")

    def command(
        self, *words: str, lent: Sequence[str] = (), read_only: bool = False, offline: bool = False
    ) -> list[str]:
        """The host's command that runs `words` as a container would: its own processes, files and, offline, network.

        `read_only`: nothing can be written but /tmp and the volumes, which are empty, as with a fresh mount.
        """
        mounts = [f"mount --bind {self.root} {self.root}", f"mount -t proc proc {self.root}/proc"]
        mounts += [f"mount --rbind /dev {self.root}/dev"]
        mounts += [_bind(path, self.root) for path in lent if Path(path).exists()]
        if read_only:
            mounts += [f"mount -o remount,ro,bind {self.root}"]
            mounts += [f"mount -t tmpfs -o mode=1777 tmpfs {self.root}{path}" for path in ("/tmp", *self.volumes)]  # noqa: S108
        if offline:
            mounts += ["ip link set lo up"]
        inside = ["env", "-i", "-C", self.workdir, *(f"{name}={value}" for name, value in self.env.items()), *words]
        chroot = ["chroot", f"--userspec={self.user}", str(self.root), *inside]
        spaces = ["--mount", "--pid", "--fork", "--kill-child", *(["--net"] if offline else [])]
        return ["unshare", *spaces, "sh", "-ec", f"{'; '.join(mounts)}; exec {shlex.join(chroot)}"]

    def start(self, *words: str) -> list[str]:
        """`docker run --read-only --network none <image> <words>`."""
        return self.command(*self.entrypoint, *words, read_only=True, offline=True)


def _bind(path: str, root: Path) -> str:
    target = root / path.lstrip("/")
    made = f"mkdir -p {target}" if Path(path).is_dir() else f"mkdir -p {target.parent}; touch {target}"
    return f"{made}; mount --bind {path} {target}"


def _package_folders() -> list[str]:
    """Folders on this machine that its installer is told to take packages from."""
    told = subprocess.run([sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=False)
    words = re.split(r"[\s'=]+", told.stdout.replace("file://", ""))
    return [str(Path(word).parent if word.endswith("simple") else word) for word in words if word.startswith("/")]


def base(folder: Path) -> Path:
    """Stand-in for python:3.11-slim-bookworm, made once. Skips the test where it cannot be made."""
    for program in ("debootstrap", "unshare", "chroot"):
        if shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin") is None:
            pytest.skip(f"needs {program}: `apt-get install debootstrap util-linux`")
    if os.geteuid() != 0:
        pytest.skip("needs root: it mounts and changes its root folder")
    root = folder / "base"
    if not (root / "usr/local/bin/python").exists():
        bootstrap = ["debootstrap", "--variant=minbase", f"--include={LIBRARIES}", "bookworm", str(root)]
        subprocess.run(bootstrap, check=True, capture_output=True)
        _give_python(root)
    return root


def _give_python(root: Path) -> None:
    """Put the Python of this machine into /usr/local, its packages left out."""
    left_out = shutil.ignore_patterns("site-packages", "__pycache__", "test")
    prefix = Path(sys.base_prefix)
    for part in ("bin", "lib", "include"):
        shutil.copytree(prefix / part, root / "usr/local" / part, ignore=left_out, dirs_exist_ok=True, symlinks=True)
    (root / "usr/local/bin/python").unlink(missing_ok=True)
    (root / "usr/local/bin/python").symlink_to("python3.11")
    here = Bare(root, env={"PATH": PATH})
    for words in (["ldconfig"], ["python", "-m", "ensurepip"]):
        subprocess.run(here.command(*words), check=True, capture_output=True)


def build(context: Path, folder: Path) -> Iterator[tuple[Instruction, str, Bare]]:
    """Run the Dockerfile: yields each instruction, what it printed, and the stage after it. Stages lie in `folder`.

    A command that fails ends it with subprocess.CalledProcessError, its output in `.output`.
    """
    text = (context / "Dockerfile").read_text()
    values = {key: value for one in stages(text)[""] for key, value in assignments(one.text).items()}
    made: dict[str, Bare] = {}
    for name, steps in list(stages(text).items())[1:]:
        stage = _from(steps[0], name, made, folder, values)
        for step in steps[1:]:
            stage, told = _step(step, stage, made, context)
            made[name] = stage
            yield step, told, stage


def _from(step: Instruction, name: str, made: Mapping[str, Bare], folder: Path, values: Mapping[str, str]) -> Bare:
    image = expanded(step.text.split(" AS ")[0], values)
    known = made.get(image)
    source = known.root if known else folder / "base"
    target = folder / name
    shutil.rmtree(target, ignore_errors=True)
    subprocess.run(["cp", "-a", "--reflink=auto", str(source), str(target)], check=True)
    return replace(known, root=target) if known else Bare(target, env={"PATH": PATH})


def _step(step: Instruction, stage: Bare, made: Mapping[str, Bare], context: Path) -> tuple[Bare, str]:
    """(the stage after an instruction, what it printed)."""
    if step.name == "RUN":
        return stage, _run(step.text, stage)
    text = expanded(step.text, {**stage.args, **stage.env})
    if step.name == "COPY":
        _copy(shlex.split(text), stage, made, context)
    elif step.name == "WORKDIR":
        stage.at(text).mkdir(parents=True, exist_ok=True)
    return told(step, text, stage), ""


def told(step: Instruction, text: str, stage: Bare) -> Bare:
    """The stage with what an instruction says of it. Raises ValueError for one that nobody taught this file."""
    changes: dict[str, Any] = {}
    match step.name:
        case "WORKDIR":
            changes = {"workdir": text}
        case "USER":
            changes = {"user": text}
        case "ARG":
            name, _, default = text.partition("=")
            changes = {"args": stage.args | {name: os.environ.get(name, default)}}
        case "ENV":
            changes = {"env": stage.env | assignments(text)}
        case "VOLUME":
            changes = {"volumes": tuple(text.split())}
        case "ENTRYPOINT":
            changes = {"entrypoint": tuple(json.loads(text))}
        case "FROM" | "COPY" | "RUN" | "CMD" | "HEALTHCHECK" | "LABEL":
            pass
        case other:
            raise ValueError(f"Dockerfile:{step.line}: {other} is not known here: teach tests/dockerfile.py to run it.")
    return replace(stage, **changes)


def described(context: Path, folder: Path, name: str) -> Bare:
    """The stage that `build` left in `folder`, with its environment and entry point, nothing being run."""
    stage = Bare(folder / name, env={"PATH": PATH})
    for step in stages((context / "Dockerfile").read_text())[name]:
        text = step.text if step.name in {"RUN", "FROM"} else expanded(step.text, {**stage.args, **stage.env})
        stage = told(step, text, stage)
    return stage


def _run(text: str, stage: Bare) -> str:
    lent = [*LENT, *_package_folders()]
    downloading = {name: value for name, value in os.environ.items() if name.startswith(("PIP_", "UV_", "SSL_CERT"))}
    there = replace(stage, env=stage.env | stage.args | downloading)
    command = there.command("/bin/sh", "-ec", text, lent=dict.fromkeys(lent))
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        raise subprocess.CalledProcessError(done.returncode, text, done.stdout)
    return done.stdout


def _copy(words: Sequence[str], stage: Bare, made: Mapping[str, Bare], context: Path) -> None:
    options = dict(word[2:].split("=", 1) for word in words if word.startswith("--"))
    *sources, target = [word for word in words if not word.startswith("--")]
    origin = made[options["from"]].root if "from" in options else context
    rules = [] if "from" in options else patterns(context)
    for source in sources:
        file = origin / source.lstrip("/")
        into = stage.at(target) / file.name if target.endswith("/") else stage.at(target)
        into.parent.mkdir(parents=True, exist_ok=True)
        if file.is_dir():
            _copy_folder(file, into, origin, rules)
        elif not ignored(source, rules):
            shutil.copy2(file, into)
        if mode := options.get("chmod"):
            into.chmod(int(mode, 8))


def _copy_folder(folder: Path, into: Path, origin: Path, rules: Sequence[str]) -> None:
    def left_out(parent: str, names: list[str]) -> list[str]:
        return [name for name in names if ignored(str((Path(parent) / name).relative_to(origin)), rules)]

    shutil.copytree(folder, into, symlinks=True, dirs_exist_ok=True, ignore=left_out if rules else None)


@contextmanager
def container(image: Bare, *words: str, log: Path) -> Iterator[int]:
    """A running container of the image; its first process's id on this machine. Stopped as Docker would: SIGTERM."""
    with log.open("wb") as output:
        outer = subprocess.Popen(image.start(*words), stdout=output, stderr=output)
        try:
            yield _first_process(outer.pid, image.root)
        finally:
            for pid in _children(outer.pid):
                os.kill(pid, 15)
            try:
                outer.wait(30)
            except subprocess.TimeoutExpired:
                outer.kill()  # --kill-child takes the rest with it
                outer.wait()


def _children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _first_process(outer: int, root: Path) -> int:
    """The id of the one child of `unshare`, once it has the container's root."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for pid in _children(outer):
            if Path(f"/proc/{pid}/root").readlink() == root:
                return pid
        time.sleep(0.1)
    raise TimeoutError(f"No process of {root} was there within 60 s: the log of the container says why.")


def within(pid: int, image: Bare, *words: str) -> "subprocess.CompletedProcess[str]":
    """`docker exec`: a command in a running container, with the image's environment."""
    env = [f"{name}={value}" for name, value in image.env.items()]
    enter = ["nsenter", f"--target={pid}", "--all", f"--root=/proc/{pid}/root", "--wd=/"]
    command = [*enter, "env", "-i", *env, *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
