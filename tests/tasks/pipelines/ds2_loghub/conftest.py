"""The events of LogHub's five real files, made once for the tests of this folder."""

from pathlib import Path

import pandas as pd
import pytest

from tasks.pipelines.ds2_loghub.parse import parse
from tasks.pipelines.ds2_loghub.source import decode
from tests.tasks.pipelines.ds2_loghub.logs import read


@pytest.fixture(scope="package")
def real(real_data: Path) -> pd.DataFrame:
    """Events of the five 2,000-line files."""
    parts = []
    for path in sorted((real_data / "loghub" / "2k").glob("*/*_2k.log")):
        for table in decode(path, path.name):
            parsed, rejects = parse(table.to_pandas(types_mapper=pd.ArrowDtype))
            assert rejects.empty
            parts.append(parsed)
    made, rejects = read(pd.concat(parts, ignore_index=True))
    assert rejects.empty
    return made
