"""What patients do by themselves: book online, and look after their visits."""
