"""The tools by which agents ask people over MCP; they need the `[mcp]` extra."""
