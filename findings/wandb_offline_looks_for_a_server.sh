#!/usr/bin/env bash
# A run that is told to stay offline asks the name server for a host
#
# Guess:    wandb.init(mode="offline") opens no connection to anywhere.
# Happens:  with wandb 0.31.0 the process asks for the address of api.forge.coreweave.com before it ends. With
#           WANDB_ERROR_REPORTING=false, set before the import, it asks nobody.
# Matters:  on a machine that must not speak to the outside, or where a lookup takes seconds to fail. And the reader of such
#           files that older programs use, wandb.sdk.internal.datastore, is gone from this version.
# Versions: wandb 0.31.0; strace to watch
set -euo pipefail
command -v strace > /dev/null || { echo "this needs strace"; exit 1; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/env"
"$work/env/bin/pip" install -q --disable-pip-version-check wandb==0.31.0
cat > "$work/run.py" <<'PYTHON'
import wandb

run = wandb.init(mode="offline", project="p", settings=wandb.Settings(silent=True))
run.log({"loss": 1.0})
run.finish()
PYTHON
cd "$work"
unset WANDB_ERROR_REPORTING
strace -f -qq -s 200 -e trace=connect,sendto,sendmmsg -o plain.txt env/bin/python run.py
WANDB_ERROR_REPORTING=false strace -f -qq -e trace=connect -o quiet.txt env/bin/python run.py
asked() { grep "sa_family=AF_INET" "$1" | grep -v -e 127.0.0.1 -e '"::1"' | wc -l; }
echo "connections to other machines, as it comes:          $(asked plain.txt)"
echo "connections with WANDB_ERROR_REPORTING=false:        $(asked quiet.txt)"
grep -o 'forge.\{1,4\}coreweave' plain.txt | head -1 || true
[ "$(asked plain.txt)" -gt 0 ] && [ "$(asked quiet.txt)" -eq 0 ]
