"""The refresh: new events of the log into people, lake and frame, each once, whatever crashes."""
