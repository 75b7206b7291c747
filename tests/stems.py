"""Every dataset and track, in one list; `test_every_folder_of_pipelines_is_in_the_list` keeps it whole."""

from pathlib import Path

TRACK_A = ("ds1_alibaba", "ds2_loghub")
TRACK_B = ("ds3_stackoverflow", "ds4_synthetic", "ds5_glaive", "ds6_the_stack")
TRACKS = ("track_a", "track_b")
DATASETS = (*TRACK_A, *TRACK_B, "code_corpus")  # the code corpus belongs to no track


def folders(pipelines: Path) -> list[str]:
    """Names of the folders of pipelines, an empty one too; not what Python left of one that was removed."""
    return sorted(
        path.name
        for path in pipelines.iterdir()
        if path.is_dir() and path.name[0] not in "_." and {file.name for file in path.iterdir()} != {"__pycache__"}
    )
