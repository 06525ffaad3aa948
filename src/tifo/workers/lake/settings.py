import msgspec


class LakeSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The lake: where events are kept for questions and reports, how soon, and for how long."""

    url: str = ""
    """`file:///FOLDER`, or `s3://BUCKET/PREFIX` with AWS's usual credentials; empty is a folder of the data
    folder.

    `?region=NAME` says where the bucket is, and `&endpoint=URL` asks there instead of AWS."""
    flush_s: float = 15.0
    """Seconds that events are gathered before they are written; they can be asked for after that."""
    flush_entries_max: int = 50_000
    """Events that are gathered at the most."""
    flush_mib_max: int = 32
    """MiB of events that are gathered at the most."""
    poll_s: float = 0.25
    """Seconds between two polls of an event log that had nothing new."""
    merge_s: float = 60.0
    """Seconds between two looks at what can be made one file."""
    settle_s: float = 300.0
    """Seconds after an hour, and after the last file of it, until its files are made one."""
    keep_s: int = 34_560_000
    """Seconds that events are kept after their hour; 400 days."""
