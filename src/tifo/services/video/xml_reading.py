"""XML of somebody else's: read with limits and without entities, kept with the prefixes it came with."""

from xml.etree.ElementTree import Element, ParseError, TreeBuilder

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from tifo.services.video.references import BadDocument

DEPTH_MAX = 40
ELEMENTS_MAX = 100_000


class _Tree(TreeBuilder):
    """Builds elements named `prefix:name` as in the text; those of `namespace` have no prefix.

    A prefix that stands for several namespaces in one document gets a number.
    """

    def __init__(self, namespace: str) -> None:
        super().__init__()
        self.prefixes: dict[str, str] = {namespace: ""}
        self._depth = self._elements = 0
        self._names: dict[str, str] = {}

    def start_ns(self, prefix: str | None, uri: str | None) -> None:
        if uri and uri not in self.prefixes:
            wanted = prefix or "ns"
            taken = set(self.prefixes.values())
            self.prefixes[uri] = wanted if wanted not in taken else f"{wanted}{len(taken)}"

    def start(self, tag: str, attrs: dict[str, str]) -> Element:
        self._depth += 1
        self._elements += 1
        if self._depth > DEPTH_MAX or self._elements > ELEMENTS_MAX:
            raise BadDocument(f"it is deeper than {DEPTH_MAX} or has more than {ELEMENTS_MAX} elements")
        return super().start(self._named(tag), {self._named(name): value for name, value in attrs.items()})

    def end(self, tag: str) -> Element:
        self._depth -= 1
        return super().end(self._named(tag))

    def _named(self, name: str) -> str:
        # Few names come again and again: those of a timeline thousands of times.
        found = self._names.get(name)
        if found is None:
            found = self._names[name] = self._prefixed(name)
        return found

    def _prefixed(self, name: str) -> str:
        uri, brace, local = name.removeprefix("{").rpartition("}")
        if not brace:
            return name
        prefix = "xml" if uri == "http://www.w3.org/XML/1998/namespace" else self.prefixes[uri]
        return f"{prefix}:{local}" if prefix else local


def read_xml(body: bytes, namespace: str, root: str) -> Element:
    """The tree of a document whose root is `root` of `namespace`; namespaces are attributes of the root.

    Raises `BadDocument` for what is no such XML, has a DTD, or is too deep or too large.
    """
    tree = _Tree(namespace)
    parser = DefusedXMLParser(target=tree, forbid_dtd=True)
    try:
        parser.feed(body)
        found: Element = parser.close()
    except BadDocument:
        raise
    except DefusedXmlException as error:
        raise BadDocument(f"it has a DTD, which no such document needs: {type(error).__name__}") from None
    except (ParseError, ValueError, LookupError) as error:
        raise BadDocument(f"it is no XML: {error}") from None
    if found.tag != root:
        raise BadDocument(f"its root is no {root} of {namespace}")
    for uri, prefix in tree.prefixes.items():
        found.set(f"xmlns:{prefix}" if prefix else "xmlns", uri)
    return found
