#!/bin/sh
# SPDX-License-Identifier: MIT
#SBATCH --job-name=densq
#SBATCH --cpus-per-task=16
#SBATCH --requeue
# Quantizes the layers of one task of a job array; a task that was requeued goes on where it was.
#
#   densq quantize --model llama --gradients llama-gradients --plan llama.plan
#   sbatch --array=0-7 slurm_array.sh llama.plan parts        # 8 tasks; parts is a folder
#   densq merge -o llama.densq parts/*.densq                  # when all are done
set -eu
plan=$1 folder=$2
layers=$(sed -n 's/^ *"layers": *\([0-9]*\),*$/\1/p' "$plan")
begin=$((layers * SLURM_ARRAY_TASK_ID / SLURM_ARRAY_TASK_COUNT))
end=$((layers * (SLURM_ARRAY_TASK_ID + 1) / SLURM_ARRAY_TASK_COUNT))
[ "$begin" -lt "$end" ] || exit 0  # more tasks than layers
exec "${DENSQ:-densq}" quantize --plan "$plan" --layers "$begin:$end" --resume \
    --threads "${SLURM_CPUS_PER_TASK:-0}" -o "$folder/$begin-$end.densq"
