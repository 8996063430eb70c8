"""What a round costs of Box's calls, counted at the emulator: a listing a look, and nothing per file that waits."""

from __future__ import annotations

import pytest

pytest.importorskip("flwr")

pytestmark = pytest.mark.slow

# the second half of every download is not a call of the API; tokens are not counted by Box either
NO_CALLS = {"download", "post_oauth2_token"}


def calls_of(run, rounds):
    """Return the calls of a whole run of two clients."""
    run.path = f"/{run.folder.name}-{rounds}"
    slow = {"--poll-interval": 1, "--heartbeat-frequency": 20, "--heartbeat-timeout": 60}
    run.init("--set", "min-nodes=2", "--set", "fraction-evaluate=0.0", clients=2, rounds=rounds, **slow)
    run.share()
    run.box.control(reset_counts=True)
    run.begin(0, 1)
    run.all_end_well(90)
    return sum(count for name, count in run.box.counts.items() if name not in NO_CALLS)


def test_a_round_of_two_clients_costs_at_most_thirty_calls(field_of_play):
    start_and_one = calls_of(field_of_play, 1)
    assert (calls_of(field_of_play, 4) - start_and_one) / 3 <= 30
    assert start_and_one <= 90
