"""What outside ad servers answer: VAST as it is written out there."""

HLS = "application/x-mpegURL"
MEDIA = "https://cdn.other.example/spot/master.m3u8"


def inline(
    *, duration: str = "00:00:10", media: str = MEDIA, kind: str = HLS, more: str = "", linear: str = ""
) -> str:
    file = f'<MediaFile delivery="streaming" type="{kind}"><![CDATA[ {media} ]]></MediaFile>'
    told = f"<Duration>{duration}</Duration>{linear}<MediaFiles>{file}</MediaFiles>"
    return (
        f"<Ad id='1'><InLine><AdSystem>x</AdSystem><AdTitle>A  spot</AdTitle>{more}"
        f"<Creatives><Creative><Linear>{told}</Linear></Creative></Creatives></InLine></Ad>"
    )


def wrapper(to: str, *, more: str = "", linear: str = "") -> str:
    return (
        f"<Ad><Wrapper>{more}<VASTAdTagURI><![CDATA[{to}]]></VASTAdTagURI>"
        f"<Creatives><Creative><Linear>{linear}</Linear></Creative></Creatives></Wrapper></Ad>"
    )


def vast(*ads: str, version: str = "4.2", namespace: str = "") -> bytes:
    spaced = f' xmlns="{namespace}"' if namespace else ""
    return f'<?xml version="1.0"?><VAST version="{version}"{spaced}>{"".join(ads)}</VAST>'.encode()


BOMB = (
    b'<!DOCTYPE V [<!ENTITY a "aaaaaaaaaa">'
    + b"".join(f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">'.encode() for n in range(9))
    + b']><VAST version="4.2"><Ad>&j;</Ad></VAST>'
)
