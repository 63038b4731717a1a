#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Train a small LLaMA-style language model, tokenizer included, on a text file.

The text holds one paragraph a line; a blank line separates documents. The
result is an ordinary Hugging Face model folder with F16 weights.
"""

import argparse
import json
import math
import time
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM

HERE = Path(__file__).resolve().parent
END_OF_TEXT = "<|endoftext|>"
EVALUATION_BATCH = 16


def parse_args():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("text", type=Path, help="training text (UTF-8)")
    parser.add_argument("--heldout", type=Path, default=HERE / "heldout.txt",
                        help="text for the held-out loss; the best model by it is kept")
    parser.add_argument("--output", type=Path, default=HERE / "model",
                        help="folder for the model")

    shape = parser.add_argument_group("model shape")
    shape.add_argument("--vocab", type=int, default=1024, help="tokens in the vocabulary")
    shape.add_argument("--hidden", type=int, default=192, help="width of the residual stream")
    shape.add_argument("--ffn", type=int, default=512, help="width inside the SwiGLU block")
    shape.add_argument("--layers", type=int, default=4, help="decoder layers")
    shape.add_argument("--heads", type=int, default=4, help="query heads")
    shape.add_argument("--kv-heads", type=int, default=2, help="key and value heads")
    shape.add_argument("--context", type=int, default=256, help="tokens in one window")

    training = parser.add_argument_group("training")
    training.add_argument("--steps", type=int, default=3000, help="optimizer steps")
    training.add_argument("--minutes", type=float, default=math.inf,
                          help="time limit; where it comes first the learning rate "
                               "decays along the clock, not along the steps")
    training.add_argument("--batch", type=int, default=16, help="windows in one step")
    training.add_argument("--lr", type=float, default=3e-3, help="peak learning rate")
    training.add_argument("--warmup", type=int, default=150, help="steps of linear warm-up")
    training.add_argument("--weight-decay", type=float, default=0.1, help="on matrices only")
    training.add_argument("--evaluate-every", type=int, default=200, help="steps between reports")
    training.add_argument("--gain-spread", type=float, default=1.0,
                          help="standard deviation of the logarithm of the initial norm gains")
    training.add_argument("--seed", type=int, default=1, help="of weights and windows")
    training.add_argument("--prompt", default="Once upon a time",
                          help="start of the sample printed at the end")
    return parser.parse_args()


def train_tokenizer(text, vocab_size):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=[END_OF_TEXT],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(text.splitlines(keepends=True), trainer)
    return tokenizer


def encode_documents(tokenizer, text):
    """One token stream in which END_OF_TEXT stands for each blank line."""
    end = tokenizer.token_to_id(END_OF_TEXT)
    stream = []
    for document in text.split("\n\n"):
        stream += tokenizer.encode(document).ids + [end]
    return torch.tensor(stream)


def new_model(args, tokenizer):
    end = tokenizer.token_to_id(END_OF_TEXT)
    return LlamaForCausalLM(LlamaConfig(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=args.hidden,
        intermediate_size=args.ffn,
        num_hidden_layers=args.layers,
        num_attention_heads=args.heads,
        num_key_value_heads=args.kv_heads,
        max_position_embeddings=args.context,
        tie_word_embeddings=True,
        bos_token_id=end,
        eos_token_id=end,
        use_cache=True,
    ))


def spread_gains(model, deviation):
    """Draw the gains of the layers' norms from a log-normal distribution of mean square 1.

    The gains of large models spread over two orders of magnitude, and with them the sensitivities
    of weights, which Dense-and-Sparse quantization is about. From ones, a short training does not
    get there.
    """
    for layer in model.model.layers:
        for norm in (layer.input_layernorm, layer.post_attention_layernorm):
            with torch.no_grad():
                gains = torch.exp(deviation * torch.randn_like(norm.weight))
                norm.weight.copy_(gains / gains.square().mean().sqrt())


def next_token_loss(model, windows):
    """Mean cross-entropy of all tokens of each window but its first."""
    logits = model(input_ids=windows[:, :-1], use_cache=False).logits
    return torch.nn.functional.cross_entropy(
        logits.float().flatten(0, 1), windows[:, 1:].flatten()
    )


@torch.no_grad()
def mean_loss(model, stream, context):
    """Mean loss over consecutive windows that do not overlap; the tail is dropped."""
    windows = stream[: len(stream) // context * context].view(-1, context)
    model.eval()
    total = sum(
        next_token_loss(model, batch).item() * len(batch)
        for batch in windows.split(EVALUATION_BATCH)
    )
    model.train()
    return total / len(windows)


def random_windows(stream, batch, length, generator):
    starts = torch.randint(len(stream) - length + 1, (batch, 1), generator=generator)
    return stream[starts + torch.arange(length)]


def new_optimizer(model, weight_decay):
    parameters = list(model.parameters())
    return torch.optim.AdamW(
        [
            {"params": [p for p in parameters if p.dim() > 1], "weight_decay": weight_decay},
            {"params": [p for p in parameters if p.dim() == 1], "weight_decay": 0.0},
        ],
        betas=(0.9, 0.95),
        fused=True,
    )


def learning_rate(args, step, progress):
    """Linear warm-up, then half a cosine down to a twentieth of the peak."""
    if step < args.warmup:
        return args.lr * (step + 1) / args.warmup
    return args.lr * (0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * min(progress, 1.0))))


def train(model, stream, heldout, args):
    """Train in place, and leave the weights of the best held-out loss in the model."""
    generator = torch.Generator().manual_seed(args.seed)
    optimizer = new_optimizer(model, args.weight_decay)
    best_loss, best_weights = math.inf, None
    recent_losses = []
    start = time.monotonic()

    for step in range(1, args.steps + 1):
        elapsed = time.monotonic() - start
        progress = max(step / args.steps, elapsed / (60 * args.minutes))
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(args, step - 1, progress)

        # One token more than the context: each of its positions predicts one.
        windows = random_windows(stream, args.batch, args.context + 1, generator)
        loss = next_token_loss(model, windows)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        recent_losses.append(loss.item())

        finished = step == args.steps or progress >= 1
        if step % args.evaluate_every == 0 or finished:
            heldout_loss = mean_loss(model, heldout, args.context)
            train_loss = sum(recent_losses) / len(recent_losses)
            recent_losses.clear()
            seconds = time.monotonic() - start
            speed = step * args.batch * args.context / seconds
            print(f"step {step:5}  {seconds / 60:5.1f} min  {speed:6.0f} tokens/s  "
                  f"train {train_loss:.4f}  held-out {heldout_loss:.4f}", flush=True)
            if heldout_loss < best_loss:
                best_loss = heldout_loss
                best_weights = {k: v.clone() for k, v in model.state_dict().items()}
        if finished:
            break

    model.load_state_dict(best_weights)


def save_tokenizer(tokenizer, context, folder):
    tokenizer.save(str(folder / "tokenizer.json"))
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": END_OF_TEXT,
        "eos_token": END_OF_TEXT,
        "model_max_length": context,
        "clean_up_tokenization_spaces": False,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(settings, indent=2) + "\n")


def generate(model, tokenizer, prompt, length):
    prompt_ids = torch.tensor([tokenizer.encode(prompt).ids])
    output = model.eval().generate(
        prompt_ids, attention_mask=torch.ones_like(prompt_ids), max_new_tokens=length,
        do_sample=True, temperature=0.7, top_k=0, pad_token_id=model.config.eos_token_id,
    )
    return tokenizer.decode(output[0].tolist())


def main():
    args = parse_args()
    torch.manual_seed(args.seed)
    text = args.text.read_text(encoding="utf-8")
    heldout_text = args.heldout.read_text(encoding="utf-8")

    tokenizer = train_tokenizer(text, args.vocab)
    stream = encode_documents(tokenizer, text)
    # Held-out text is taken as it is, the way a program that evaluates a file reads it.
    heldout = torch.tensor(tokenizer.encode(heldout_text).ids)
    args.output.mkdir(parents=True, exist_ok=True)
    save_tokenizer(tokenizer, args.context, args.output)

    model = new_model(args, tokenizer)
    spread_gains(model, args.gain_spread)
    print(f"{model.num_parameters():,} parameters; {len(stream):,} training tokens, "
          f"{len(text) / len(stream):.2f} characters each; {len(heldout):,} held out", flush=True)
    train(model, stream, heldout, args)
    loss = mean_loss(model, heldout, args.context)
    print(f"held-out loss of the kept weights in F32: {loss:.5f}")

    model.half().save_pretrained(args.output)
    stored = LlamaForCausalLM.from_pretrained(args.output, dtype=torch.float32)
    stored_loss = mean_loss(stored, heldout, args.context)
    print(f"held-out loss of the stored F16 weights:  {stored_loss:.5f}  "
          f"(perplexity {math.exp(stored_loss):.3f})")
    print(generate(stored, tokenizer, args.prompt, args.context - 32))


if __name__ == "__main__":
    main()
