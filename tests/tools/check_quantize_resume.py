# SPDX-License-Identifier: MIT
"""densq quantize --resume: whatever ended the run before, the bytes are those of one run.

    check_quantize_resume.py DENSQ MODEL_FOLDER [KILLS]
"""
import random
import resource
import shutil
import signal
import sys
import time
from pathlib import Path

from models import make_weights, save
from processes import done_matrices, start, wait_until
from support import main, read_file, run

KILLS = int(sys.argv[3]) if len(sys.argv) > 3 else 20
MATRICES = 30


class Model:
    """Thirty matrices, two plain tensors, and the file that an undisturbed run makes of them."""

    def __init__(self, folder):
        self.path, self.output = folder / "m.safetensors", folder / "out.densq"
        self.partial = folder / "out.densq.partial"
        save(self.path, {**{f"model.layers.{i}.weight": make_weights(96, 256, i)
                            for i in range(MATRICES)},
                         "norm": make_weights(1, 64, 100), "embed": make_weights(64, 64, 101)})
        begin = time.monotonic()
        result = self.run("--quiet")
        self.seconds = time.monotonic() - begin
        assert (result.returncode, result.stderr) == (0, ""), result
        self.expected = self.output.read_bytes()
        self.metadata = len(read_file(self.output).metadata)
        self.output.unlink()

    def run(self, *arguments, **options):
        return run("quantize", "--model", self.path, "--unweighted", "--threads", 1, "-o",
                   self.output, *arguments, **options)

    def start(self, *arguments):
        return start(self.path, self.output, "--threads", "1", "--quiet", *arguments)

    def done(self):
        return done_matrices(self.partial, self.metadata)

    def end_by(self, number, matrices):
        """Runs until so many matrices are done, at least, then sends a signal."""
        process = self.start()
        wait_until(process, lambda: self.done() >= matrices)
        process.send_signal(number)
        stdout, stderr = process.communicate()
        assert stdout == "" and not self.output.exists()
        return process.returncode, stderr

    def check_resume(self, stderr=""):
        result = self.run("--resume", "--quiet")
        assert (result.returncode, result.stderr) == (0, stderr), result
        assert self.output.read_bytes() == self.expected
        assert not self.partial.exists()
        self.output.unlink()


def left(count, partial):
    return (f"densq: {count} of {MATRICES} matrices are done and stay in {partial}; the same "
            "command with --resume goes on\n")


def test_kills_at_random_points(folder):
    model, chance, ended = Model(folder), random.Random(1), 0
    for _ in range(KILLS):
        process = model.start("--resume")
        time.sleep(chance.uniform(0, model.seconds / 2))
        process.kill()
        process.communicate()
        if process.returncode == 0:
            assert model.output.read_bytes() == model.expected and not model.partial.exists()
        if chance.random() < 0.3:  # else it is killed once more
            notice = f"densq: there is no work of an earlier run in {model.partial} to go on with\n"
            model.check_resume("" if model.done() else notice)
            ended += 1
        model.output.unlink(missing_ok=True)
    assert ended > KILLS / 10


def test_signals_leave_what_is_done(folder):
    model = Model(folder)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        status, stderr = model.end_by(number, 5)
        count = model.done()
        assert status == 128 + number and 5 <= count < MATRICES
        assert stderr == "densq: interrupted\n" + left(count, model.partial), stderr
        model.check_resume()


def test_an_error_in_the_middle(folder):
    model = Model(folder)
    process = model.start()
    wait_until(process, lambda: model.done() >= 3)
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (1000, 1000))
    stderr = process.communicate()[1]
    assert process.returncode == 1
    assert stderr == (f"densq: {model.partial}: cannot write: File too large\n"
                      + left(model.done(), model.partial)), stderr
    model.check_resume()


def test_a_second_run_is_refused(folder):
    model = Model(folder)
    process = model.start()
    wait_until(process, lambda: model.done() >= 1)
    for arguments in ([], ["--resume"]):
        result = model.run("--quiet", *arguments)
        assert result.returncode == 1 and result.stdout == ""
        assert result.stderr == f"densq: {model.partial}: another run is writing it\n", result
    assert process.wait() == 0
    process.communicate()
    assert model.output.read_bytes() == model.expected


def test_a_partial_file_is_no_densq_file(folder):
    model = Model(folder)
    model.end_by(signal.SIGKILL, 5)
    for command in ("info", "verify", "merge -o out"):
        result = run(*command.split(), model.partial, cwd=folder)
        assert (result.returncode, result.stdout, result.stderr) == (
            1, "", f"densq: {model.partial}: is unfinished; the command that began it goes on with "
                   "--resume\n"), result


def test_without_resume_it_begins_anew(folder):
    model = Model(folder)
    model.end_by(signal.SIGKILL, 5)
    result = model.run("--quiet")
    assert (result.returncode, result.stderr) == (
        0, f"densq: {model.partial} of an earlier run is begun anew; --resume would go on with "
           "it\n"), result
    assert model.output.read_bytes() == model.expected and not model.partial.exists()


def test_other_options_or_inputs_are_refused(folder):
    model = Model(folder)
    model.end_by(signal.SIGKILL, 5)
    before = model.partial.read_bytes()
    refusal = (f"densq: {model.partial}: was begun with other options or inputs; leave --resume "
               "out to begin anew\n")
    for arguments in (["--bits", 3], ["--outliers", "0.5%"], ["--exclude", "*.7.weight"],
                      ["--bits-for", "*.7.weight=2"], ["--drop", "norm"]):
        result = model.run("--resume", *arguments)
        assert (result.returncode, result.stderr) == (1, refusal), result
    config = folder / "config.json"
    config.write_text("{}")
    assert model.run("--resume").stderr == refusal
    config.unlink()
    shutil.copy(model.path, folder / "copy.safetensors")
    save(model.path, {f"model.layers.{i}.weight": make_weights(96, 256, i)
                      for i in range(MATRICES)})
    assert model.run("--resume").stderr == refusal
    shutil.move(folder / "copy.safetensors", model.path)
    assert model.partial.read_bytes() == before
    model.check_resume()


def test_damage_is_made_good(folder):
    model = Model(folder)
    chance = random.Random(2)
    for _ in range(5):
        model.end_by(signal.SIGKILL, 10)
        data = bytearray(model.partial.read_bytes())
        for _ in range(10):
            data[chance.randrange(3000, len(data) // 3)] ^= 1 << chance.randrange(8)
        model.partial.write_bytes(data[:chance.randrange(len(data) // 2, len(data))])
        model.check_resume()


main(globals())
