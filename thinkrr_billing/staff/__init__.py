"""The site of support staff: what spans the apps (dashboard, search, the account page), and who
may come in. The pages of single models live in their apps."""
