"""Every dataset and track, in one list; `test_every_folder_of_pipelines_is_in_the_list` keeps it whole."""

TRACK_A = ("ds1_alibaba", "ds2_loghub")
TRACK_B = ("ds3_stackoverflow", "ds4_synthetic", "ds5_glaive", "ds6_the_stack")
TRACKS = ("track_a", "track_b")
DATASETS = (*TRACK_A, *TRACK_B, "code_corpus")  # the code corpus belongs to no track
