#!/bin/sh
# Brings the images of a commit to a host that runs docker-compose.yml, and waits until it is ready; goes back where it
# is not. Needs DEPLOY_HOST (user@host), DEPLOY_KEY (its private key) and REGISTRY.
set -eu
commit="$1"
key="$(mktemp)"
trap 'rm -f "$key"' EXIT
printf '%s\n' "$DEPLOY_KEY" > "$key"
chmod 600 "$key"
ssh -i "$key" -o StrictHostKeyChecking=accept-new "$DEPLOY_HOST" sh -s "$commit" "$REGISTRY" <<'REMOTE'
set -eu
cd "${FORECASTLE_FOLDER:-/opt/forecastle}"
before="$(git rev-parse HEAD)"

start() { # commit, registry, options of `up`, services
  commit="$1" registry="$2"
  shift 2
  git checkout --quiet "$commit"
  export FORECASTLE_IMAGE="$registry/forecastle:$commit" FORECASTLE_PROXY_IMAGE="$registry/forecastle-proxy:$commit"
  docker compose pull --quiet
  docker compose up --detach --no-build --wait --wait-timeout 300 "$@"
  for _ in 1 2 3 4 5 6 7 8 9 10 11 12; do
    wget -q -O /dev/null "http://127.0.0.1:${HTTP_PORT:-8080}/ready" && return 0
    sleep 5
  done
  return 1
}

git fetch --quiet origin "$1"
if ! start "$1" "$2"; then
  echo "version $1 does not get ready; going back to $before" >&2
  docker compose logs --tail 50 migrate web >&2 || true
  # Without its migrations: they do not know the newer ones, which suit both versions.
  start "$before" "$2" --no-deps $(docker compose config --services | grep -v -e migrate -e database)
  exit 1
fi
REMOTE
