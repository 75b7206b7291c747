#!/bin/sh
# What every container of the image starts with: the folders below whatever volume was mounted, the kernels that the
# build compiled (numba takes them only from a folder it may write to), then the command. exec: signals reach it.
set -eu
mkdir -p "$PREFECT_HOME" "$AUTOMEND_DATA_DIR" "$NUMBA_CACHE_DIR"
cp -Rn /opt/kernels/. "$NUMBA_CACHE_DIR/"
exec "$@"
