"""Why a series and a forecast are what they are."""
