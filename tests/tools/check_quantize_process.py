# SPDX-License-Identifier: MIT
"""densq as a process: signals, the terminal, memory, and when its output appears.

    check_quantize_process.py DENSQ MODEL_FOLDER
"""
import os
import pty
import re
import signal
import subprocess
import termios
import time

import numpy as np

from models import make_weights, save
from processes import read_terminal, start, wait_for_partial
from support import DENSQ, SANITIZED, STORIES, main, peak_bytes, quantize, run, without_notes


def save_layers(path, count, size, dtype=np.float32):
    save(path, {f"model.layers.{i}.weight": make_weights(size, size, i).astype(dtype)
                for i in range(count)})


def test_signals_before_a_matrix_is_done_leave_nothing(folder):
    model, outputs = folder / "m.safetensors", folder / "outputs"
    outputs.mkdir()
    save_layers(model, 2, 2048, np.float16)
    for number in (signal.SIGINT, signal.SIGTERM):
        for threads in ("1", "3"):
            for before in ({}, {outputs / "out.densq": b"before"}):
                for path, data in before.items():
                    path.write_bytes(data)
                process = start(model, outputs / "out.densq", "--threads", threads, "--quiet")
                wait_for_partial(process, outputs / "out.densq")
                process.send_signal(number)
                stdout, stderr = process.communicate()
                assert process.returncode == 128 + number, (process.returncode, stderr)
                assert stderr == "densq: interrupted; no output was left\n", stderr
                assert {path: path.read_bytes() for path in outputs.iterdir()} == before
                for path in before:
                    path.unlink()


def catches(process, number):
    with open(f"/proc/{process.pid}/status") as status:
        caught = next(line for line in status if line.startswith("SigCgt:"))
    return int(caught.split()[1], 16) >> number - 1 & 1


def test_a_second_signal_ends_at_once(folder):
    # Rows so long that the second comes before the first is looked at, if not at the first try.
    save(folder / "m.safetensors", {"model.layers.0.weight": make_weights(32, 65536, 1)})
    for _ in range(10):
        process = start(folder / "m.safetensors", folder / "out.densq", "--threads", "1")
        wait_for_partial(process, folder / "out.densq")
        process.send_signal(signal.SIGINT)
        while process.poll() is None and catches(process, signal.SIGINT):
            time.sleep(0.001)
        process.send_signal(signal.SIGINT)
        process.communicate()
        assert process.returncode in (-signal.SIGINT, 128 + signal.SIGINT), process.returncode
        assert not (folder / "out.densq").exists()
        # There may be no time to remove it.
        (folder / "out.densq.partial").unlink(missing_ok=True)
        if process.returncode == -signal.SIGINT:
            return
    assert False, "never ended by the second signal"


def test_the_output_appears_at_once(folder):
    output = folder / "out.densq"
    output.write_bytes(b"before")
    process = start(STORIES, output, "--bits", "2", "--threads", "1")
    seen = {b"before"}
    while process.poll() is None:
        seen.add(output.read_bytes())
    assert process.wait() == 0
    process.communicate()
    assert seen <= {b"before", output.read_bytes()}
    assert run("verify", output).returncode == 0


def run_on_terminal(*arguments, columns=0):
    """Exit status, what came on stdout and what stderr, a terminal, was sent."""
    master, slave = pty.openpty()
    termios.tcsetwinsize(slave, (24, columns))
    process = start(*arguments, stderr=slave)
    os.close(slave)
    shown = read_terminal(master)
    return process.wait(), process.communicate()[0], shown


def test_terminal(folder):
    save_layers(folder / "m.safetensors", 3, 256)
    arguments = [folder / "m.safetensors", folder / "out.densq"]
    status, stdout, shown = run_on_terminal(*arguments)
    assert status == 0 and "\n3 matrices, 0 plain tensors: " in stdout, stdout
    assert stdout.splitlines()[-1].startswith(f"{folder}/out.densq: "), stdout
    for i in range(3):
        assert f"%  model.layers.{i}.weight" in shown, shown
    assert re.search(r"\r\x1b\[K\[#* *\] +\d+ %", shown), shown
    assert shown.endswith("\r\x1b[K")  # nothing of it is left
    status, stdout, shown = run_on_terminal(*arguments, "--quiet")
    assert (status, stdout, shown) == (0, "", "")


def test_rate_and_time_left_fit_the_terminal(folder):
    name = "model.layers.0.a_name_that_is_longer_than_what_is_left_of_the_line.weight"
    save(folder / "m.safetensors", {name: make_weights(6144, 2048, 1).astype(np.float16)})
    arguments = [folder / "m.safetensors", folder / "out.densq", "--threads", "1"]
    status, _, shown = run_on_terminal(*arguments, columns=70)
    assert status == 0, shown
    lines = shown.split("\r\x1b[K")
    pace = re.compile(r"\[#+ *\] +\d+ %  \d+\.\d M weights/s  (\d+ min )?\d+ s left  "
                      r"\.\.\..*weight")
    assert any(pace.fullmatch(line) for line in lines), lines
    assert max(map(len, lines)) == 69, lines


def test_no_terminal(folder):
    save_layers(folder / "m.safetensors", 3, 256)
    result = run("quantize", "--model", folder / "m.safetensors", "--unweighted", "-o",
                 folder / "out.densq")
    assert result.stderr == "" and "\x1b" not in result.stdout
    assert all(len(line) <= 80 for line in result.stdout.splitlines()[:-1]), result
    result = run("quantize", "--model", folder / "m.safetensors", "--unweighted", "--quiet", "-o",
                 folder / "out.densq")
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def test_help_and_version(folder):
    result = run("--version")
    assert result.returncode == 0 and result.stderr == ""
    assert re.fullmatch(r"densq \d+\.\d+\.\d+, backends:( \w+)* scalar\n", result.stdout), result
    commands = ("quantize", "merge", "info", "export", "verify", "bench")
    result = run("--help")
    assert result.returncode == 0 and all(command in result.stdout for command in commands)
    for command in commands:
        result = run(command, "--help")
        assert result.returncode == 0 and result.stderr == "" and "Usage: densq" in result.stdout
    for option in ("--model", "--gradients", "--bits", "--outliers", "--sensitive", "--include",
                   "--exclude", "--drop", "--bits-for", "--unweighted", "--threads", "--quiet",
                   "--output", "--resume", "--dry-run", "--plan", "--layers", "--expert-layout"):
        assert option in run("quantize", "--help").stdout, option


def test_help_of_a_command(folder):
    assert run("help").stdout == run("--help").stdout
    for command in ("quantize", "info", "selftest"):
        result = run("help", command)
        assert result.returncode == 0 and result.stdout == run(command, "--help").stdout, result


def test_a_mistyped_word_is_named_with_the_one_that_is_meant(folder):
    def check(text, *arguments):
        result = run(*arguments)
        assert result.returncode == 2 and result.stdout == "", result
        assert result.stderr == f"densq: {text}\nRun with --help for more information.\n", result

    check("there is no command 'quantise'; did you mean 'quantize'?", "quantise", "--model", "m")
    check("there is no command 'quantise'; did you mean 'quantize'?", "help", "quantise")
    check("there is no command 'Info'; did you mean 'info'?", "Info", "file.densq")
    check("there is no command 'frobnicate'", "frobnicate")
    check("there is no option '--verison'; did you mean '--version'?", "--verison")
    check("there is no option '--modle'; did you mean '--model'?",
          "quantize", "--modle", "m", "-o", folder / "out.densq")
    check("there is no option '--bit'; did you mean '--bits'?",
          "quantize", "--model", "m", "-o", folder / "out.densq", "--bit=3")
    check("there is no option '--jsno'; did you mean '--json'?", "info", "file.densq", "--jsno")
    check("there is no option '--frobnicate'", "info", "file.densq", "--frobnicate")
    assert "file2" in run("info", "file.densq", "file2").stderr
    assert "--model is missing" in run("quantize", "-o", "out").stderr
    result = run("quantize", "--model", "m", "-o", "o", "--bits", "7")
    assert result.returncode == 2 and "Value 7 not in range" in result.stderr, result


def test_a_path_stands_once_in_a_message(folder):
    for path in (folder / "none.densq", folder):
        for command in ("info", "verify"):
            result = run(command, path)
            assert result.returncode == 1 and result.stderr.count(str(path)) == 1, result


def test_output_that_cannot_be_written(folder):
    path = folder / "out.densq"
    quantize(STORIES, path)
    whole = path.read_bytes()
    bench = ["bench", "--synthetic", "32x32", "--bits", "2", "--seconds", "0.001", "--warm"]
    selftest = ["selftest", "--quick", "--backend", "scalar", "--bits", "2"]
    remake = ["quantize", "--model", STORIES, "--unweighted", "-o", path]
    for command in (["--version"], ["--help"], ["help", "info"], ["info", path],
                    ["info", path, "--json"], ["verify", path], bench, [*bench, "--json"], selftest,
                    [*selftest, "--json"], remake):
        for place in (">/dev/full", ">&-"):
            result = subprocess.run(["sh", "-c", f'"$@" {place}', "sh", DENSQ, *command],
                                    stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            assert result.returncode == 1, (command, place, result)
            assert without_notes(result.stderr) == "densq: cannot write the output to stdout\n", (
                command, result)
            assert path.read_bytes() == whole
    # With all streams closed, the file that is written must not get the number of one of them.
    remade = subprocess.run(["sh", "-c", '"$@" <&- >&- 2>&-', "sh", DENSQ, *remake])
    assert remade.returncode == 1 and path.read_bytes() == whole


def quantize_peak_bytes(model, output):
    return peak_bytes("quantize", "--model", model, "--unweighted", "--quiet", "--threads", "2",
                      "-o", output)


def test_memory_is_that_of_one_matrix(folder):
    if SANITIZED:
        return "skipped, AddressSanitizer holds back what is freed"
    # Seven layers more add 28 MiB to the model, which is mapped: so much would stay if its pages or
    # the floats read from them were kept.  The file they make, mapped when it is proved, and the
    # allocator get 8 MiB.
    save_layers(folder / "1.safetensors", 1, 1024)
    save_layers(folder / "8.safetensors", 8, 1024)
    one = quantize_peak_bytes(folder / "1.safetensors", folder / "1.densq")
    eight = quantize_peak_bytes(folder / "8.safetensors", folder / "8.densq")
    assert eight - one < 8 << 20, (one, eight)
    # 4 MiB each for the weights, their pages and the search for outliers, and as much for the rest.
    assert one < 24 << 20, one


main(globals())
