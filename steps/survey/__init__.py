"""What an audit begins with: the bins, what the records say of each, and the model that counts them."""
