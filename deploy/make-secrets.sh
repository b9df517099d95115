#!/bin/sh
# Makes the secrets that docker-compose.yml mounts, each in a file of its own, below deploy/secrets (not in git).
# Those that are there stay. The folder is for its owner alone; the files can be read by the users inside containers.
set -eu
folder="$(dirname "$0")/secrets"
mkdir -p "$folder"
chmod 700 "$folder"
make_one() {
  [ -s "$folder/$1" ] || printf '%s\n' "$2" > "$folder/$1"
  chmod 444 "$folder/$1"
}
random() { od -An -N32 -tx1 /dev/urandom | tr -d ' \n'; }
fernet() { head -c 32 /dev/urandom | base64 | tr '+/' '-_'; }
make_one secret_key "$(random)"
make_one forecastle_secret_key "$(fernet)"
make_one sa_password "Aa-$(random)"
make_one database_password "Aa-$(random)"
make_one redis_password "$(random)"
make_one metrics_token "$(random)"
make_one grafana_password "$(random)"
