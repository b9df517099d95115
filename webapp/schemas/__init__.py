"""Shapes of what the API takes and gives, as pydantic models; the OpenAPI description is made of them."""
