# One image for server, worker, job and bootstrap. Tag it <Prefect's version>-<ours>: the Helm chart requires a tag that
# begins with Prefect's version.
#   docker build -t registry.example.org/automend:3.8.8-0.1.0 --build-arg REVISION="$(git rev-parse HEAD)" .
# Behind a mirror: --build-arg INDEX_URL=<address of a package index>. It is used in build stages only.
# Every command below is run, in this order, by `make operations ARGS=tests/deployments/test_dockerfile.py`.

# At least 3.11.4 (pyproject.toml). Debian 12's own Python is older.
ARG PYTHON_IMAGE=python:3.11.14-slim-bookworm


# The installed packages. Changes only with the lock, so a change of code downloads nothing.
FROM ${PYTHON_IMAGE} AS dependencies
ARG INDEX_URL
RUN python -m venv --without-pip /opt/venv \
 && PIP_INDEX_URL="$INDEX_URL" python -m pip install --no-cache-dir uv==0.13.9
COPY deployments/requirements.txt /tmp/requirements.txt
# Code is in /opt/automend, beside its prefect files. The .pth file makes it importable whatever PYTHONPATH a job sets.
RUN UV_DEFAULT_INDEX="$INDEX_URL" uv pip install --python /opt/venv/bin/python --no-cache --compile-bytecode \
      --link-mode=copy -r /tmp/requirements.txt \
 && echo /opt/automend > /opt/venv/lib/python3.11/site-packages/automend.pth


# Our code, its bytecode, and the compiled kernels of the near-duplicate search. Nothing is compiled at run time, so the root
# file system may be read-only. `generic`: for any x86-64 or arm64 processor, not only for the builder's.
FROM dependencies AS code
WORKDIR /opt/automend
COPY pyproject.toml prefect.yaml prefect.prod.yaml ./
COPY schemas ./schemas
COPY tasks ./tasks
COPY flows ./flows
COPY deployments ./deployments
ENV NUMBA_CPU_NAME=generic NUMBA_CACHE_DIR=/opt/kernels PYTHONDONTWRITEBYTECODE=1
RUN /opt/venv/bin/python deployments/docker/kernels.py \
 && /opt/venv/bin/python -m compileall -q --invalidation-mode unchecked-hash .


FROM ${PYTHON_IMAGE} AS image
# tini forwards signals and reaps child processes. pip is removed: nothing is installed in a running container.
# hadolint ignore=DL3008  # Debian keeps only the newest build of a package: a pinned version disappears with the next fix
RUN apt-get update \
 && apt-get install -y --no-install-recommends tini \
 && rm -rf /var/lib/apt/lists/* \
 && python -m pip uninstall -y -q --root-user-action=ignore setuptools wheel pip \
 && rm -rf /usr/local/lib/python3.11/ensurepip /usr/local/lib/python3.11/site-packages/* \
 && groupadd --gid 1001 automend \
 && useradd --uid 1001 --gid 1001 --home-dir /var/lib/automend --shell /usr/sbin/nologin automend \
 && install -d -o automend -g automend /var/lib/automend

# All files are written to one folder, to be mounted (a volume, an emptyDir), and to /tmp.
ENV PATH=/opt/venv/bin:$PATH \
    HOME=/var/lib/automend \
    AUTOMEND_DATA_DIR=/var/lib/automend/data \
    PREFECT_HOME=/var/lib/automend/prefect \
    PREFECT_SERVER_UI_STATIC_DIRECTORY=/var/lib/automend/ui \
    NUMBA_CACHE_DIR=/var/lib/automend/cache/numba \
    NUMBA_CPU_NAME=generic \
    MPLCONFIGDIR=/var/lib/automend/cache/matplotlib \
    HF_HOME=/var/lib/automend/cache/huggingface \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    DO_NOT_TRACK=true \
    PREFECT_SERVER_ANALYTICS_ENABLED=false \
    DVC_NO_ANALYTICS=1 \
    HF_HUB_DISABLE_TELEMETRY=1

COPY --from=dependencies /opt/venv /opt/venv
# Prefect's Helm charts expect this path.
COPY --chmod=0755 deployments/docker/entrypoint.sh /opt/prefect/entrypoint.sh
COPY --from=code /opt/kernels /opt/kernels
COPY --from=code /opt/automend /opt/automend

WORKDIR /opt/automend
USER 1001:1001
VOLUME /var/lib/automend
# Asks a worker or a server; a job is healthy while it runs. See the file.
HEALTHCHECK --interval=30s --timeout=10s --start-period=120s --retries=3 \
    CMD ["python", "-I", "/opt/automend/deployments/docker/health.py"]
ENTRYPOINT ["/usr/bin/tini", "-g", "--", "/opt/prefect/entrypoint.sh"]
CMD ["prefect", "version"]

ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="automend" \
      org.opencontainers.image.description="Prefect 3 flows that turn raw infrastructure traces and logs into verified training data: server, worker and job" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
