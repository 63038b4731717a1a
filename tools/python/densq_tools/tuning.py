# SPDX-License-Identifier: MIT
"""What densq-tune does: loads, lets the quantized model learn from the unquantized one, writes."""
import math
import sys
import time

import torch
import transformers
from safetensors.torch import save_file
from tqdm import tqdm

from . import InputError
from .calibration import load_tokenizer, read_tokens, require_known
from .causal_model import check_parameters, load_config, load_model, require_context
from .checkpoint import Checkpoint, checksum
from .command import size_text, time_text
from .densq_file import DensqFile
from .devices import DTYPES, choose_device, free_memory, on_device, peak_text
from .files import output_file, replace_file, require_file, require_space
from .ranks import Ranks
from .student import Student, is_wish
from .sums import identify, open_state

HELD_OUT_SHARE = 0.1  # of each text, at its end
EVALUATIONS = 12
BETAS = 0.9, 0.95
WARM_UP = 0.03  # of the steps
STATE_BYTES = {"fixed": 2, "move": 14}  # a weight: codes twice; wishes and Adam's two moments, F32


def note(text):
    print(f"densq-tune: {text}", file=sys.stderr, flush=True)


class Texts:
    """Windows of tokens to learn from, and those that only tell how well that went."""

    def __init__(self, folder, paths, length, held_out, vocabulary):
        tokenizer = load_tokenizer(folder)
        self.length, self.learn, self.held_out = length, [], []
        for number, path in enumerate(paths):
            tokens = read_tokens(tokenizer, path)
            require_known(folder, tokens, vocabulary)
            wanted = len(range(number, held_out, len(paths)))
            windows = max(1, int(len(tokens) * HELD_OUT_SHARE) // length)
            split = len(tokens) - windows * length
            if split < length:
                raise InputError(f"{path}: has {len(tokens)} tokens; --length {length} takes at "
                                 f"least {2 * length}")
            self.learn.append(tokens[:split])
            kept = tokens[split:].view(-1, length)
            self.held_out += kept[torch.linspace(0, windows - 1, min(wanted, windows)).long()]

    def window(self, number):
        """The same for the same number; texts take turns."""
        tokens = self.learn[number % len(self.learn)]
        random = torch.Generator().manual_seed(number)
        start = torch.randint(len(tokens) - self.length + 1, (), generator=random).item()
        return tokens[start:start + self.length]


def divergence(teacher, student, window):
    """Mean over the positions of a window of KL(teacher || student), in nats."""
    window = window.to(teacher.get_input_embeddings().weight.device).unsqueeze(0)
    with torch.no_grad():
        wanted = teacher(input_ids=window, use_cache=False).logits[0].float().log_softmax(-1)
    found = student(input_ids=window, use_cache=False).logits[0].float().log_softmax(-1)
    return torch.nn.functional.kl_div(found, wanted, reduction="batchmean", log_target=True)


class Tuning:
    """Its state lies beside the output while it is not finished."""

    def __init__(self, args, teacher, student, texts, output, identity):
        self.args, self.teacher, self.student, self.texts = args, teacher, student, texts
        self.path = output.with_name(output.name + ".partial")
        self.identity = identity
        self.step, self.best, self.best_state, self.first = 0, None, None, None
        if args.codes == "move":
            student.let_codes_move(teacher)
        self.learned = student.learned()
        wishes = [value for name, value in self.learned.items() if is_wish(name)]
        others = [value for name, value in self.learned.items() if not is_wish(name)]
        self.optimizer = torch.optim.Adam([{"params": others, "peak": args.rate},
                                           {"params": wishes, "peak": args.code_rate}],
                                          betas=BETAS, fused=True)

    def rate(self):
        """Of this step, as a part of the largest: it rises in the beginning, then falls to 0."""
        share = self.step / self.args.steps
        return min(1, (share + 1 / self.args.steps) / WARM_UP) * (1 + math.cos(math.pi * share)) / 2

    def learn(self):
        """One step; returns the mean divergence of its windows."""
        batch, total = self.args.batch, 0.0
        for i in range(batch):
            loss = divergence(self.teacher, self.student.model,
                              self.texts.window(self.step * batch + i))
            loss.backward()
            total += loss.item()
        if not total < float("inf"):
            raise InputError(f"step {self.step}: the divergence is {total}; a smaller --rate may "
                             "help")
        self.student.take_gradients(1 / batch)
        for group in self.optimizer.param_groups:
            group["lr"] = group["peak"] * self.rate()
        self.optimizer.step()
        self.step += 1
        if self.args.codes == "move":
            self.student.move_codes()
        self.student.decode()
        return total / batch

    @torch.no_grad()
    def evaluate(self):
        found = torch.stack([divergence(self.teacher, self.student.model, window)
                             for window in self.texts.held_out]).mean().item()
        if self.best is None or found < self.best:
            self.best, self.best_state = found, self.student.state()
        if self.first is None:
            self.first = found
        return found

    def run(self):
        if not self.resume():
            note(f"before: divergence {self.evaluate():.4f} on held-out text")
        between = -(-self.args.steps // EVALUATIONS)
        progress = tqdm(total=self.args.steps, initial=self.step, unit="step")
        begin, first = time.monotonic(), self.step
        while self.step < self.args.steps:
            progress.set_postfix(divergence=f"{self.learn():.4f}", refresh=False)
            progress.update()
            if self.step == first + 1:
                seconds = (time.monotonic() - begin) * (self.args.steps - first)
                note(f"about {time_text(seconds)}, judged by the first step")
            if self.step % between == 0 or self.step == self.args.steps:
                found = self.evaluate()
                note(f"step {self.step}: divergence {found:.4f} on held-out text"
                     + (", the least so far" if found == self.best else ""))
                if self.step < self.args.steps:
                    self.save()
        progress.close()
        self.student.set_state(self.best_state)

    def save(self):
        adam = {f"{name}:{kind}": moment for name, value in self.learned.items()
                for kind, moment in self.optimizer.state[value].items()}
        parts = {"now": self.student.state() | self.learned, "best": self.best_state, "adam": adam}
        tensors = {f"{part}:{name}": value.contiguous() for part, values in parts.items()
                   for name, value in values.items()}
        facts = {"identity": self.identity, "step": str(self.step), "best": repr(self.best),
                 "first": repr(self.first)}
        replace_file(self.path, lambda path: save_file(tensors, path, metadata=facts))

    def resume(self):
        """Takes up what an interrupted run has left; returns whether there was something."""
        if not self.path.is_file():
            return False
        with open_state(self.path, self.identity, "model, text or options") as file:
            facts, tensors = file.metadata(), {name: file.get_tensor(name) for name in file.keys()}

        def part(prefix):
            return {name.removeprefix(prefix): value for name, value in tensors.items()
                    if name.startswith(prefix)}

        self.step, self.best = int(facts["step"]), float(facts["best"])
        self.first, self.best_state = float(facts["first"]), part("best:")
        self.student.set_state(part("now:"))
        for name, value in part("adam:").items():
            learned, _, kind = name.rpartition(":")
            parameter = self.learned[learned]
            self.optimizer.state[parameter][kind] = value.to(parameter.device)
        note(f"goes on from step {self.step}")
        return True


def check_arguments(args):
    for path in args.text:
        require_file(path)
    if args.length < 2:
        raise InputError("--length must be at least 2")
    if min(args.steps, args.batch) < 1 or args.held_out < len(args.text):
        raise InputError("--steps and --batch must be at least 1, --held-out at least the number "
                         "of texts")


def facts_of(args):
    return {"steps": args.steps, "batch": args.batch, "length": args.length, "rate": args.rate,
            "code_rate": args.code_rate, "codes": args.codes, "held_out": args.held_out,
            "compute_dtype": args.compute_dtype}


def run(args):
    transformers.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    check_arguments(args)
    config = load_config(args.model).get_text_config()
    require_context(config, args.length)
    output = output_file(args.output)
    file, checkpoint = DensqFile(args.file), Checkpoint(args.model)
    weights = checkpoint.weights()
    require_space(output.parent, len(file.data) + weights * STATE_BYTES[args.codes])
    texts = Texts(args.model, args.text, args.length, args.held_out, config.vocab_size)
    device, dtype = choose_device(args.device, Ranks()), DTYPES[args.compute_dtype]
    if device is None:
        raise InputError("--device auto: densq-tune uses one device")
    needed = weights * (3 * dtype.itemsize + 2 + STATE_BYTES[args.codes])
    note(f"on {device}: {size_text(needed)} and the activations of a window; "
         f"{size_text(free_memory(device))} are free")
    teacher, student = (load_model(args.model, dtype, **on_device(device)) for _ in range(2))
    check_parameters(teacher, checkpoint)
    identity = identify(torch.cat(texts.learn + texts.held_out),
                        {name: checksum(checkpoint.read(name)) for name in checkpoint},
                        [sorted(facts_of(args).items()), file.identity], args.compute_dtype)
    tuning = Tuning(args, teacher, Student(student, file, checkpoint), texts, output, identity)
    tuning.run()
    tuning.student.write(output, facts_of(args))
    tuning.path.unlink(missing_ok=True)
    print(f"{args.output}: divergence {tuning.first:.4f} before, {tuning.best:.4f} after, on "
          f"held-out text; {peak_text()} at most")
