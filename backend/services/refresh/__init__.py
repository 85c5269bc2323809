"""The refresh: new events of the log into people, lake and frame, each once, whatever crashes."""

from backend.services.refresh.loop import Refresh, RefreshResult

__all__ = ["Refresh", "RefreshResult"]
