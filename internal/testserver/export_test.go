package testserver

// Model and OfRun are what PostgresLike is made of.
var (
	Model = model
	OfRun = ofRun
)
