"""What is kept of a run, a simulation, a validation or a benchmark. The only room that writes.

A directory is written beside its place and then moved there, so a run that is killed leaves the old results or the
new ones. Bytes depend on the scenario and the versions alone: no dates, no names of machines.
"""

from .benchmarks import TABLE, benchmark_cells, benchmark_table, load_benchmark, save_benchmark
from .calibrations import cluster_text, reserve_cluster, save_cluster
from .directories import place, scenario_folder
from .exports import save_tensorboard
from .fidelities import FIDELITY_FILES, save_fidelity
from .files import check_picture, save_picture
from .policies import POLICIES, Policy, load_policies
from .prices import PRICE_FILES, save_prices
from .records import PACKAGES, as_data, check_whole, is_of, load_settings, settings_in
from .reports import Block, Section, report_text, reserve_report, save_report
from .runs import (
    ADVICE,
    FILES,
    SOMETIMES,
    load_by_worker,
    load_comparison,
    load_curves,
    load_per_seed,
    load_prices,
    load_summary,
    load_tuning,
    reserve,
    reserve_advice,
    save,
    save_overview,
)
from .saturation import SATURATION, save_saturation
from .simulations import LIVE_FILES, PICTURES, reserve_trace, save_json, save_scenario, save_timelines
from .staleness import STALENESS, reserve_staleness, save_staleness
from .validations import reserve_validation, save_validation
from .videos import check_video, save_video

__all__ = [
    "ADVICE",
    "Block",
    "FIDELITY_FILES",
    "FILES",
    "LIVE_FILES",
    "PACKAGES",
    "PICTURES",
    "POLICIES",
    "PRICE_FILES",
    "Policy",
    "SATURATION",
    "SOMETIMES",
    "STALENESS",
    "Section",
    "TABLE",
    "as_data",
    "benchmark_cells",
    "benchmark_table",
    "check_picture",
    "check_video",
    "check_whole",
    "cluster_text",
    "is_of",
    "load_benchmark",
    "load_by_worker",
    "load_comparison",
    "load_curves",
    "load_per_seed",
    "load_policies",
    "load_prices",
    "load_settings",
    "load_summary",
    "load_tuning",
    "place",
    "report_text",
    "reserve",
    "reserve_advice",
    "reserve_cluster",
    "reserve_report",
    "reserve_staleness",
    "reserve_trace",
    "reserve_validation",
    "save",
    "save_benchmark",
    "save_cluster",
    "save_fidelity",
    "save_json",
    "save_overview",
    "save_picture",
    "save_prices",
    "save_report",
    "save_saturation",
    "save_scenario",
    "save_staleness",
    "save_tensorboard",
    "save_timelines",
    "save_validation",
    "save_video",
    "scenario_folder",
    "settings_in",
]
