package sandbox

import (
	"bytes"
	"encoding/binary"
	"errors"
	"image"
	"image/color"
	"image/jpeg"
	"math"
	"sync"
)

// Kinds of samples that a person of the demo can send.
const (
	SamplePhoto = "photo"
	SampleVoice = "voice"
)

// ErrNoSample: there is no sample of that kind.
var ErrNoSample = errors.New("no such sample")

// File is a sample with its content, which must not be changed.
type File struct {
	Name, Type string
	Content    []byte
}

const (
	photoWidth, photoHeight = 960, 640
	voiceSeconds, voiceRate = 3, 16000
)

// samples are made when the first is asked for.
var samples = sync.OnceValue(func() map[string]File {
	return map[string]File{
		SamplePhoto: {"photo.jpg", "image/jpeg", drawnDoor()},
		SampleVoice: {"voice.wav", "audio/wav", hummedVowels()},
	}
})

// Sample is a photo of a scratched door, or a voice note; both are made by calculation.
func Sample(kind string) (File, bool) {
	f, ok := samples()[kind]
	return f, ok
}

// drawnDoor is a car's door with a scratch, as JPEG.
func drawnDoor() []byte {
	m := image.NewRGBA(image.Rect(0, 0, photoWidth, photoHeight))
	for y := range photoHeight {
		for x := range photoWidth {
			m.SetRGBA(x, y, doorAt(float64(x), float64(y)))
		}
	}
	for x := 260; x < 720; x++ {
		middle := 380 + 40*math.Sin(float64(x)/150) + 3*math.Sin(float64(x)/5)
		width := 1 + 3*math.Sin(math.Pi*float64(x-260)/460)
		for y := int(middle - width); y <= int(middle+width); y++ {
			m.SetRGBA(x, y, color.RGBA{226, 226, 220, 255})
		}
	}
	var b bytes.Buffer
	// Writing into memory does not fail, and the picture has a size.
	_ = jpeg.Encode(&b, m, &jpeg.Options{Quality: 80})
	return b.Bytes()
}

// doorAt is the colour of the unscratched door.
func doorAt(x, y float64) color.RGBA {
	shade := func(c float64, by float64) uint8 { return uint8(max(0, min(255, c*by))) }
	light := 1.15 - y/photoHeight*0.5 + 0.1*math.Sin(y/70)
	switch {
	case y < 210 && x > 90+y*0.5 && x < 870: // the window
		return color.RGBA{shade(70, light), shade(86, light), shade(98, light), 255}
	case math.Abs(x-60-y*0.05) < 2, math.Abs(x-900) < 2, math.Abs(y-214) < 3:
		return color.RGBA{20, 24, 34, 255}
	case y > 255 && y < 285 && x > 730 && x < 850: // the handle
		return color.RGBA{shade(150, light), shade(154, light), shade(160, light), 255}
	case y > 570:
		return color.RGBA{shade(52, light), shade(50, light), shade(48, light), 255}
	}
	return color.RGBA{shade(34, light), shade(74, light), shade(140, light), 255}
}

// vowels are the three lowest resonances of a, o, i and u, in hertz.
var vowels = [][3]float64{{730, 1090, 2440}, {570, 840, 2410}, {270, 2290, 3010}, {300, 870, 2240}}

// hummedVowels is a voice that hums four vowels, as WAV: pulses sent through the
// resonances of a mouth.
func hummedVowels() []byte {
	const n = voiceSeconds * voiceRate
	sound := make([]float64, n)
	var state [3][2]float64
	phase, loudest := 0.0, 0.0
	for i := range n {
		at := float64(i) / n * float64(len(vowels))
		vowel, within := vowels[int(at)], at-math.Floor(at)
		pitch := 115 + 25*math.Sin(2*math.Pi*at/3)
		pulse := 0.0
		if phase += pitch / voiceRate; phase >= 1 {
			phase--
			pulse = math.Sin(math.Pi * within) // each vowel swells and fades
		}
		for k, f := range vowel {
			const damp = 0.985
			y := pulse + 2*damp*math.Cos(2*math.Pi*f/voiceRate)*state[k][0] - damp*damp*state[k][1]
			state[k][1], state[k][0] = state[k][0], y
			sound[i] += y / float64(k+1)
		}
		loudest = max(loudest, math.Abs(sound[i]))
	}
	return wave(sound, loudest)
}

// wave writes samples as 16 bit mono.
func wave(sound []float64, loudest float64) []byte {
	b := []byte("RIFF\x00\x00\x00\x00WAVEfmt ")
	le := binary.LittleEndian
	b = le.AppendUint32(b, 16)
	for _, v := range []uint16{1, 1} { // PCM, one channel
		b = le.AppendUint16(b, v)
	}
	b = le.AppendUint32(b, voiceRate)
	b = le.AppendUint32(b, voiceRate*2)
	b = le.AppendUint16(b, 2)
	b = le.AppendUint16(b, 16)
	b = append(b, "data"...)
	b = le.AppendUint32(b, uint32(len(sound)*2)) //nolint:gosec // three seconds
	for _, v := range sound {
		b = le.AppendUint16(b, uint16(int16(v/loudest*24000))) //nolint:gosec // a sample's bits
	}
	le.PutUint32(b[4:], uint32(len(b)-8)) //nolint:gosec // three seconds
	return b
}
