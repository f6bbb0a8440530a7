"""What somebody has to be told of: rules, when they are evaluated, and who hears of what they find."""
