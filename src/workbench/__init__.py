"""Customer-analytics workbench: see ARCHITECTURE.md."""

__version__ = "0.1.0"
