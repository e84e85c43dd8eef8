package reply

import "testing"

// BenchmarkParse reads the project's corpus round and round; the goal is 20,000 readings a second on one core.
func BenchmarkParse(b *testing.B) {
	p, err := New()
	if err != nil {
		b.Fatal(err)
	}
	cases := loadCorpus(b, "testdata/corpus.jsonl")
	b.ReportAllocs()
	b.ResetTimer()
	for i := 0; i < b.N; i++ {
		p.Read(cases[i%len(cases)].input())
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "readings/s")
}

// BenchmarkNew is the share of the lexicons in a cold start.
func BenchmarkNew(b *testing.B) {
	for i := 0; i < b.N; i++ {
		if _, err := New(); err != nil {
			b.Fatal(err)
		}
	}
}
