"""twisted.cred: credentials, checkers, realm and the defence against guessing."""
