"""What a round costs of Box's calls, counted at the emulator: a look is a listing, and nobody looks too early."""

from __future__ import annotations

import pytest

pytest.importorskip("flwr")

pytestmark = pytest.mark.slow

SECONDS = 4  # of training; all times are a fifteenth of a minute's training, looks every 3 s and mila's heartbeats
TIMES = {"--poll-interval": 0.2, "--poll-ceiling": 2, "--heartbeat-frequency": 4, "--heartbeat-timeout": 20}
# the second half of every download is not a call of the API; tokens are not counted by Box either
NO_CALLS = {"download", "post_oauth2_token"}


def calls_of(run, rounds):
    """Return the calls of a whole run of two clients."""
    run.path = f"/{run.folder.name}-{rounds}"
    app = {"clients": 2, "rounds": rounds, "module": "plant_slow"}
    run.init("--set", "min-nodes=2", "--set", "fraction-evaluate=0.0", **app, **TIMES)
    run.share()
    run.box.control(reset_counts=True)
    run.begin(0, 1, config={"seconds": SECONDS})
    run.all_end_well(90)
    return sum(count for name, count in run.box.counts.items() if name not in NO_CALLS)


def test_a_round_of_two_clients_and_what_is_done_once_cost_few_calls(field_of_play):
    one, four = calls_of(field_of_play, 1), calls_of(field_of_play, 4)
    assert (four - one) / 3 <= 30, (one, four)
    assert one <= 80, one
