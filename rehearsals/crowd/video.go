package main

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"net/url"
	"strings"
	"time"
)

// What a player may measure of its connection, in bits a second.
const throughputBpsMin, throughputBpsMax = 2_000_000, 30_000_000

// videoPlayer plays HLS or DASH, as rehearsals/video/player.ts does: it stays on the first pathway that it is
// told and has, and asks there where it is one of the sample.
type videoPlayer struct {
	viewer   *viewer
	steering steered
	dash     bool
	shown    presentation
	pathway  string
	used     []string
}

func newVideoPlayer(v *viewer) player {
	dash, _ := chosen(v.plan.Shares["dash"], v.number)
	return &videoPlayer{viewer: v, steering: steered{viewer: v}, dash: dash}
}

// chosen says which of a row of viewers makes up `share` of them: the first one, and from there on evenly;
// and how many before `number` were chosen.
func chosen(share float64, number int) (bool, int) {
	among := math.Ceil(float64(number) * share)
	return math.Ceil(float64(number+1)*share) > among, int(among)
}

func (p *videoPlayer) begin(at playback) {
	kind, address, reads := "playlist", at.HLS, readPlaylist
	if p.dash {
		kind, address, reads = "mpd", at.DASH, readMPD
	}
	got := p.viewer.document(kind, address)
	if got.status != 200 {
		return
	}
	shown, err := reads(got.body, p.sampled())
	if err != nil {
		p.viewer.figures.count("broken")
		return
	}
	p.shown, p.pathway = shown, shown.pathways[0]
	p.used = []string{p.pathway}
	p.steering.from(shown.steering)
}

// sampled counts the players of HLS and those of DASH apart, so that some of both ask a CDN.
func (p *videoPlayer) sampled() bool {
	_, dashes := chosen(p.viewer.plan.Shares["dash"], p.viewer.number)
	among := dashes
	if !p.dash {
		among = p.viewer.number - dashes
	}
	is, _ := chosen(p.viewer.plan.Shares["segments"], among)
	return is
}

func (p *videoPlayer) dueS() float64 { return p.steering.dueS() }

func (p *videoPlayer) ask(float64) {
	said := p.steering.ask(p.reports())
	if said == nil {
		return
	}
	for _, told := range said.Priority {
		if p.shown.has(told) {
			p.moves(told)
			break
		}
	}
	if address := p.shown.addresses[p.pathway]; address != "" {
		p.loads(address)
	}
}

func (p *videoPlayer) moves(to string) {
	if to != p.pathway {
		p.pathway = strings.Clone(to)
		p.used = append(p.used, p.pathway)
	}
}

// reports is as hls.js asks (one pathway, without quotation marks), or dash.js (the pathways since the last
// question in quotation marks, a throughput for each).
func (p *videoPlayer) reports() string {
	if !p.dash {
		return fmt.Sprintf("?_HLS_pathway=%s&_HLS_throughput=%d", p.pathway, throughputBps())
	}
	throughputs := make([]string, len(p.used))
	for n := range throughputs {
		throughputs[n] = fmt.Sprint(throughputBps())
	}
	pathways := url.QueryEscape(`"` + strings.Join(p.used, ",") + `"`)
	p.used = append(p.used[:0], p.pathway)
	return "?_DASH_pathway=" + pathways + "&_DASH_throughput=" + url.QueryEscape(strings.Join(throughputs, ","))
}

func throughputBps() int { return throughputBpsMin + rand.IntN(throughputBpsMax-throughputBpsMin) }

// loads asks for the newest segment; of HLS by its media playlist, and not where the token is in the query,
// which a segment's address does not inherit.
func (p *videoPlayer) loads(address string) {
	if p.dash {
		p.viewer.media("segment", p.shown.segmentAt(address, time.Now()))
		return
	}
	list := p.viewer.media("media_playlist", address)
	if list.status != 200 || strings.Contains(address, "?") {
		return
	}
	lines := bytes.Split(bytes.TrimSpace(list.body), []byte("\n"))
	p.viewer.media("segment", address[:strings.LastIndexByte(address, '/')+1]+string(lines[len(lines)-1]))
}
