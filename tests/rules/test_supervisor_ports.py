from pathlib import Path

from tifo.supervisor.tcp_ports import Wanted, clashes, holder_of, listening_inodes

TABLE = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 4711 1 0 100 0
   1: 0100007F:1F90 0100007F:C001 01 00000000:00000000 00:00000000 00000000  1000        0 4712 1 0 100 0
   2: 0100007F:1F91 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 4713 1 0 100 0
"""


def proc_with(tmp_path: Path, command: bytes) -> Path:
    (tmp_path / "net").mkdir()
    (tmp_path / "net" / "tcp").write_text(TABLE)
    (tmp_path / "77" / "fd").mkdir(parents=True)
    (tmp_path / "77" / "fd" / "3").symlink_to("socket:[4711]")
    (tmp_path / "77" / "cmdline").write_bytes(command)
    return tmp_path


def test_only_sockets_that_listen_on_the_port_are_found():
    assert listening_inodes(TABLE, 8080) == ("4711",)


def test_the_holder_is_found_through_its_open_files(tmp_path: Path):
    assert holder_of(8080, proc_with(tmp_path, b"python3\0-m\0http.server\0")) == (
        77,
        "python3 -m http.server",
    )


def test_a_long_command_is_cut(tmp_path: Path):
    holder = holder_of(8080, proc_with(tmp_path, b"x" * 1000))
    assert holder is not None
    assert holder.command == "x" * 80 + "..."


def test_a_holder_whose_files_are_hidden_is_unknown(tmp_path: Path):
    assert holder_of(8081, proc_with(tmp_path, b"python3")) is None


def test_a_system_without_proc_knows_no_holder(tmp_path: Path):
    assert holder_of(8080, tmp_path / "absent") is None


def test_two_parts_that_want_the_same_port_are_named():
    wanted = (Wanted("viewers", "0.0.0.0", 9000), Wanted("operators", "127.0.0.1", 9000, "--operators-port"))
    assert clashes(wanted) == (
        "viewers and operators both want port 9000; choose another with --operators-port",
    )


def test_the_same_port_on_different_addresses_or_any_port_is_no_clash():
    assert clashes((Wanted("a", "127.0.0.1", 9000), Wanted("b", "127.0.0.2", 9000))) == ()
    assert clashes((Wanted("a", "127.0.0.1", 0), Wanted("b", "127.0.0.1", 0))) == ()
