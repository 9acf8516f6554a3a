"""What is recorded of a plugin that was used: enough to load it again, or to say that it is another one."""

from dataclasses import dataclass
from typing import Any

from prunebench.errors import RequestError
from prunebench.plugin.plugin import Plugin
from prunebench.plugin.source import source_hash
from prunebench.plugin.spec import canonical, parse_spec


@dataclass(frozen=True)
class PluginRecord:
    """A plugin that is named and not loaded.

    Attributes:
        spec: `mlp[widths=100-50]`.
        version, source: those of its class; None: whatever is found under the spec is meant.
    """

    spec: str
    version: str | None = None
    source: str | None = None

    @classmethod
    def of(cls, plugin: "Plugin | PluginRecord") -> "PluginRecord":
        """What is recorded of it."""
        if isinstance(plugin, PluginRecord):
            return plugin
        return cls(canonical(plugin), plugin.version, source_hash(type(plugin)))

    @classmethod
    def read(cls, content: object, noun: str) -> "PluginRecord":
        """From `content`'s result, maybe somebody else's. `RequestError` names the `noun`: it is none.

        A spec that names a file is none, either: what others wrote runs no file here.
        """
        names = tuple(cls.__dataclass_fields__)
        if not (isinstance(content, dict) and set(content) == set(names)) or not all(
            isinstance(content[name], str) for name in names
        ):
            raise RequestError(noun, content, f"a table of texts, {', '.join(names)}, is needed")
        parse_spec(content["spec"], noun)
        return cls(**content)

    @property
    def content(self) -> dict[str, Any]:
        """As JSON has it."""
        return dict(vars(self))
