"""What customers owe: its age, when it will be paid, and the cash that arrives."""
