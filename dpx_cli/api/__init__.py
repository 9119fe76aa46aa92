"""The thin HTTP layer: one function a documented endpoint. Knows neither Typer nor Rich nor a terminal."""
