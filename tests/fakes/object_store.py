"""A stand-in for S3 on 127.0.0.1: moto's server, spoken to over real HTTP by the clients that production uses."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

BUCKET = "automend-tests"
SECRET_KEY = "plantedStorage2Jt5"  # noqa: S105  moto takes any


@dataclass(frozen=True)
class ObjectStore:
    """An empty bucket at first. `env` is all that a client needs: the clients' own variables, no setting of ours."""

    endpoint: str
    client: Any

    @property
    def env(self) -> dict[str, str]:
        return environment(self.endpoint)

    def url(self, prefix: str) -> str:
        return f"s3://{BUCKET}/{prefix}"

    def objects(self, prefix: str) -> dict[str, bytes]:
        """Name below the prefix -> content."""
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=f"{prefix}/")
        keys = [item["Key"] for page in pages for item in page.get("Contents", [])]
        return {key.removeprefix(f"{prefix}/"): self.read(key) for key in keys}

    def read(self, key: str) -> bytes:
        return bytes(self.client.get_object(Bucket=BUCKET, Key=key)["Body"].read())

    def write(self, key: str, content: bytes) -> None:
        self.client.put_object(Bucket=BUCKET, Key=key, Body=content)


def environment(endpoint: str) -> dict[str, str]:
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        "AWS_DEFAULT_REGION": "us-east-1",
    }


@contextmanager
def object_store() -> Iterator[ObjectStore]:
    """A server with one bucket until the block ends."""
    import boto3
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    keys = {"aws_access_key_id": "testing", "aws_secret_access_key": SECRET_KEY, "region_name": "us-east-1"}
    try:
        made = ObjectStore(endpoint, boto3.client("s3", endpoint_url=endpoint, **keys))
        made.client.create_bucket(Bucket=BUCKET)
        yield made
    finally:
        server.stop()
