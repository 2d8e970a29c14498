#!/bin/bash
# A sweep as a job array: each task computes an equal share, all into one study on a file system that the nodes share.
#
#     sbatch --array=0-15 sweeps/batch/slurm.sh sweeps/quickstart.toml results/quickstart
#
# Options of sbatch go before the script's name; for GPUs: --gpus-per-node=1. Submitting again computes what is missing.
# The share that ends last assembles the dataset. `jaxcollapse submit` does all this, and has tasks queued again.
#SBATCH --job-name=jaxcollapse
#SBATCH --array=0-7
#SBATCH --time=1:00:00
#SBATCH --cpus-per-task=4
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=%x-%A_%a.log
# A minute before its time is up, a task is told to store what it has computed.
#SBATCH --signal=B:TERM@60
set -euo pipefail

sweep=${1:?which sweep file?}
study=${2:?which study folder?}
# What makes the command jaxcollapse available on the nodes, such as:
# source .venv/bin/activate

exec jaxcollapse run "$sweep" --out "$study" --share slurm
