"""A session's life: kept by heartbeats, ended by its viewer, by an operator, by another device."""

import pytest
from commands import eventually
from platforms import LEASE_S, STREAM_LIMIT
from players import Platform, Player, problem, refused

pytestmark = pytest.mark.system


def kick(platform: Platform, player: Player, reason: str = "") -> int:
    path = f"/v1/control/sessions/{player.session}/kick"
    return platform.operators("POST", path, json={"reason": reason}).status_code


def all_gone(player: Player, code: str) -> bool:
    """Whether every service says so to the session's token."""
    answers = player.everywhere()
    said = {
        name: (one.status_code, one.json().get("code"))
        for name, one in answers.items()
        if one.status_code != 200
    }
    return said == dict.fromkeys(answers, (410, code))


def test_a_heartbeat_keeps_the_session_and_later_brings_a_new_token(platform: Platform) -> None:
    player = platform.player()
    first = player.beat()
    assert first.status_code == 200
    assert "token" not in first.json()

    renewed = eventually(
        lambda: (answer := player.beat()).json().get("token") and answer, LEASE_S, "a renewal"
    ).json()
    assert renewed["token"] == player.token != player.answer["token"]
    assert renewed["expires_at"] > player.answer["expires_at"]
    assert player.master().status_code == 200
    eventually(lambda: platform.events("sessions.renewed", player.session))


def test_ending_twice_is_the_same_as_once(platform: Platform) -> None:
    player = platform.player()
    assert player.end().status_code == 204
    assert refused(player.beat()) == (410, "ended")
    assert player.end().status_code == 204
    assert refused(player.beat()) == (410, "ended")
    ends = eventually(lambda: platform.events("session.ended", player.session))
    assert [event["why"] for event in ends] == ["left"]


def test_a_kick_is_known_everywhere_within_a_second(platform: Platform) -> None:
    player = platform.player()
    assert kick(platform, player, "Shared on a forum.") == 204
    eventually(lambda: all_gone(player, "kicked"), what="every service knows of the kick")
    assert problem(player.beat())["detail"] == "Shared on a forum."


def test_an_operator_ends_a_session(platform: Platform) -> None:
    player = platform.player()
    answer = platform.operators("POST", f"/v1/control/sessions/{player.session}/end")
    assert answer.status_code == 204
    eventually(lambda: all_gone(player, "ended"), what="every service knows of the end")


def test_a_kicked_account_may_start_again(platform: Platform) -> None:
    player = platform.player()
    kick(platform, player)
    again = platform.player(player.account)
    assert again.session != player.session
    assert again.beat().status_code == 200


def test_one_device_too_many_is_told_which_play_already(platform: Platform) -> None:
    account = platform.new_account()
    running = [platform.player(account, f"tv-{n}") for n in range(STREAM_LIMIT)]
    said = problem(platform.ask_to_start(platform.log_in(account), "one-more"))
    assert (said["status"], said["code"], said["limit"]) == (409, "stream-limit", STREAM_LIMIT)
    assert [one["id"] for one in said["sessions"]] == [player.session for player in running]
    assert [one["device"]["id"] for one in said["sessions"]] == ["tv-0", "tv-1"]
    assert said["takeover"]


def test_a_take_over_ends_the_oldest_and_works_once(platform: Platform) -> None:
    account = platform.new_account()
    access = platform.log_in(account)
    oldest, other = (platform.player(account, f"tv-{n}") for n in range(STREAM_LIMIT))
    code = problem(platform.ask_to_start(access, "new"))["takeover"]

    assert platform.player(account, "new", takeover=code).answer["streams"]["used"] == STREAM_LIMIT
    eventually(lambda: all_gone(oldest, "ended"), what="the one that gave way knows")
    assert other.beat().status_code == 200
    assert refused(platform.ask_to_start(access, "another", takeover=code)) == (409, "bad-takeover")


def test_a_take_over_ends_the_one_that_was_chosen(platform: Platform) -> None:
    account = platform.new_account()
    access = platform.log_in(account)
    other, chosen = (platform.player(account, f"tv-{n}") for n in range(STREAM_LIMIT))
    code = problem(platform.ask_to_start(access, "new"))["takeover"]

    platform.player(account, "new", takeover=code, end=chosen.session)
    eventually(lambda: all_gone(chosen, "ended"), what="the one that gave way knows")
    assert other.beat().status_code == 200


def test_a_take_over_code_of_another_account_is_refused(platform: Platform) -> None:
    account = platform.new_account()
    for n in range(STREAM_LIMIT):
        platform.player(account, f"tv-{n}")
    code = problem(platform.ask_to_start(platform.log_in(account), "new"))["takeover"]
    thief = platform.log_in(platform.new_account())
    assert refused(platform.ask_to_start(thief, "new", takeover=code)) == (409, "bad-takeover")


def test_the_same_device_again_is_the_same_session(platform: Platform) -> None:
    player = platform.player()
    again = platform.player(player.account)
    assert again.session == player.session
    assert again.answer["streams"]["used"] == 1
    assert player.beat().status_code == again.beat().status_code == 200


def test_a_silent_device_gives_its_slot_back(platform: Platform) -> None:
    account = platform.new_account()
    for n in range(STREAM_LIMIT):
        platform.player(account, f"tv-{n}")
    access = platform.log_in(account)
    eventually(lambda: platform.ask_to_start(access, "new").status_code == 201, LEASE_S + 2, "a slot is free")


def test_operators_find_a_session_by_its_account(platform: Platform) -> None:
    players = [platform.player() for _ in range(2)]
    found = platform.operators.get("/v1/control/sessions", params={"account": players[0].account}).json()
    assert [one["session"] for one in found["sessions"]] == [players[0].session]
    first = platform.operators.get("/v1/control/sessions", params={"limit": "1"}).json()
    rest = platform.operators.get("/v1/control/sessions", params={"after": first["next"]}).json()
    assert first["total"] >= 2
    assert first["sessions"][0]["session"] not in {one["session"] for one in rest["sessions"]}
