import { type FilterTable, parseFilterTable } from "./filter-table.js"

/** The filters of ffmpeg 5.1 and their options: made by `npm run filter-table`, not by hand. */
export const filters5: FilterTable = parseFilterTable(`abench other: action
abitscope picture: rate size* colors mode / r s* m
abuffer other: time_base sample_rate sample_fmt channel_layout channels
abuffersink other: sample_fmts sample_rates channel_layouts channel_counts ch_layouts all_channel_counts
acompressor other: level_in mode threshold ratio attack release makeup knee link detection level_sc mix
acontrast other: contrast
acopy other:
acrossfade other: nb_samples duration overlap curve1 curve2 / ns d o c1 c2
acrossover picture: split order level gain precision
acrusher other: level_in level_out bits mix mode dc aa samples lfo lforange lforate
acue other: cue preroll buffer
addroi picture: x y w h qoffset clear
adeclick other: window overlap arorder threshold burst method / w o a t b m
adeclip other: window overlap arorder threshold hsize method / w o a t n m
adecorrelate other: stages seed
adelay other: delays all
adenorm other: level type
aderivative other:
adrawgraph picture: m1 fg1 m2 fg2 m3 fg3 m4 fg4 bg min max mode slide size* rate / s* r
adynamicequalizer other: threshold dfrequency dqfactor tfrequency tqfactor attack release knee ratio makeup range slew mode tftype
adynamicsmooth other: sensitivity basefreq
aecho other: in_gain out_gain delays decays
aemphasis other: level_in level_out mode type
aeval other: exprs channel_layout / c
aevalsrc other: exprs nb_samples sample_rate duration channel_layout / n s d c
aexciter other: level_in level_out amount drive blend freq ceil listen
afade other: type start_sample nb_samples start_time duration curve / t ss ns st d c
afftdn other: noise_reduction noise_floor noise_type band_noise residual_floor track_noise track_residual output_mode adaptivity
  floor_offset noise_link band_multiplier sample_noise gain_smooth / nr nf nt bn rf tn tr om ad fo nl bm sn gs
afftfilt other: real imag win_size win_func overlap
afifo other:
afir picture: dry wet length gtype irgain irfmt maxir response channel size* rate minp maxp nbirs ir precision
afirsrc other: taps frequency magnitude phase sample_rate nb_samples win_func / t f m p r n w
aformat other: sample_fmts sample_rates channel_layouts / f r cl
afreqshift other: shift level order
afwtdn other: sigma levels wavet percent profile adaptive samples softness
agate other: level_in mode range threshold ratio attack release makeup knee detection link level_sc
agraphmonitor picture: size* opacity mode flags rate / s* o m f r
ahistogram picture: dmode rate size* scale ascale acount rheight slide hmode / r s*
aiir picture: zeros poles gains dry wet format process precision normalize mix response channel size* rate / z p k f r e n
aintegral other:
ainterleave other: nb_inputs duration / n
alatency other:
alimiter other: level_in level_out limit attack release asc asc_level level latency
allpass other: frequency width_type width mix channels normalize order transform precision / f t w m c n o a r
allrgb picture: rate duration sar / r d
allyuv picture: rate duration sar / r d
aloop other: loop size start
alphaextract picture:
alphamerge picture: / eof_action shortest repeatlast
amerge other: inputs
ametadata other: mode key value function expr file direct
amix other: inputs duration dropout_transition weights normalize
amovie picture: filename format_name stream_index seek_point streams loop discontinuity dec_threads format_opts / f si sp s
amplify picture: radius factor threshold tolerance low high planes
amultiply other:
anequalizer picture: params curves size* mgain fscale colors
anlmdn other: strength patch research output smooth / s p r o m
anlmf other: order mu eps leakage out_mode
anlms other: order mu eps leakage out_mode
anoisesrc other: sample_rate amplitude duration color seed nb_samples / r a d colour c s n
anull other:
anullsink other:
anullsrc other: channel_layout sample_rate nb_samples duration / cl r n d
apad other: packet_size pad_len whole_len pad_dur whole_dur
aperms other: mode seed
aphasemeter picture: rate size* rc gc bc mpc video phasing tolerance angle duration / r s* t a d
aphaser other: in_gain out_gain delay decay speed type
aphaseshift other: shift level order
apsyclip other: level_in level_out clip diff adaptive iterations level
apulsator other: level_in level_out mode amount offset_l offset_r width timing bpm ms hz
arealtime other: limit speed
aresample other: sample_rate / ich in_channel_count och out_channel_count uch used_channel_count isr in_sample_rate osr
  out_sample_rate isf in_sample_fmt osf out_sample_fmt tsf internal_sample_fmt icl in_channel_layout ocl out_channel_layout ichl
  in_chlayout ochl out_chlayout clev center_mix_level slev surround_mix_level lfe_mix_level rmvol rematrix_volume rematrix_maxval
  flags swr_flags dither_scale dither_method filter_size phase_shift linear_interp exact_rational cutoff resample_cutoff resampler
  precision cheby min_comp min_hard_comp comp_duration max_soft_comp async first_pts matrix_encoding filter_type kaiser_beta
  output_sample_bits
areverse other:
arnndn other: model mix / m
asdr other:
asegment picture: timestamps samples
aselect picture: expr outputs / e n
asendcmd other: commands filename / c f
asetnsamples other: nb_out_samples pad / n p
asetpts other: expr
asetrate other: sample_rate / r
asettb other: expr / tb
ashowinfo other:
asidedata other: mode type
asoftclip other: type threshold output param oversample
aspectralstats other: win_size win_func overlap
asplit picture: outputs
asr other: rate hmm dict lm lmctl lmname logfn
ass picture: filename original_size* fontsdir alpha shaping / f
astats other: length metadata reset measure_perchannel measure_overall
astreamselect picture: inputs map
asubboost other: dry wet boost decay feedback cutoff slope delay channels
asubcut other: cutoff order level
asupercut other: cutoff order level
asuperpass other: centerf order qfactor level
asuperstop other: centerf order qfactor level
atadenoise picture: 0a 0b 1a 1b 2a 2b s p a 0s 1s 2s
atempo other: tempo
atilt other: freq slope width order level
atrim other: start end start_pts end_pts duration start_sample end_sample / starti endi durationi
avectorscope picture: mode rate size* rc gc bc ac rf gf bf af zoom draw scale swap mirror / m r s*
avgblur picture: sizeX planes sizeY
avgblur_opencl picture: sizeX planes sizeY
avgblur_vulkan picture: sizeX planes sizeY
avsynctest picture: size* framerate samplerate amplitude period delay cycle duration fg bg ag / s* fr sr a p dl c d
axcorrelate other: size algo
azmq other: bind_address / b
bandpass other: frequency width_type width csg mix channels normalize transform precision blocksize / f t w m c n a r b
bandreject other: frequency width_type width mix channels normalize transform precision blocksize / f t w m c n a r b
bass other: frequency width_type width gain poles mix channels normalize transform precision blocksize / f t w g p m c n a r b
bbox picture: min_val
bench picture: action
bilateral picture: sigmaS sigmaR planes
biquad other: a0 a1 a2 b0 b1 b2 mix channels normalize transform precision blocksize / m c n a r b
bitplanenoise picture: bitplane filter
blackdetect picture: d picture_black_ratio_th pixel_black_th / black_min_duration pic_th pix_th
blackframe picture: amount threshold / thresh
blend picture: c0_mode c1_mode c2_mode c3_mode all_mode c0_expr c1_expr c2_expr c3_expr all_expr c0_opacity c1_opacity c2_opacity
  c3_opacity all_opacity / eof_action shortest repeatlast
blend_vulkan picture: c0_mode c1_mode c2_mode c3_mode all_mode c0_opacity c1_opacity c2_opacity c3_opacity all_opacity
blockdetect picture: period_min period_max planes
blurdetect picture: high low radius block_pct block_width block_height planes
bm3d picture: sigma block bstep group range mstep thmse hdthr estim ref planes
boxblur picture: luma_radius luma_power chroma_radius chroma_power alpha_radius alpha_power / lr lp cr cp ar ap
boxblur_opencl picture: luma_radius luma_power chroma_radius chroma_power alpha_radius alpha_power / lr lp cr cp ar ap
bs2b other: profile fcut feed
buffer picture: width height pix_fmt sar time_base frame_rate sws_param / video_size* pixel_aspect
buffersink other: pix_fmts
bwdif picture: mode parity deint
cas picture: strength planes
cellauto picture: filename pattern rate size* rule random_fill_ratio random_seed scroll start_full stitch / f p r s* ratio seed
  full
channelmap other: map channel_layout
channelsplit picture: channel_layout channels
chorus other: in_gain out_gain delays decays speeds depths
chromaber_vulkan picture: dist_x dist_y
chromahold picture: color similarity blend yuv
chromakey picture: color similarity blend yuv
chromakey_cuda picture: color similarity blend yuv
chromanr picture: thres sizew sizeh stepw steph threy threu threv distance
chromashift picture: cbh cbv crh crv edge
ciescope picture: system cie gamuts size intensity contrast corrgamma showwhite gamma fill / s i
codecview picture: mv qp mv_type frame_type block / mvt ft
color picture: color size* rate duration sar / c s* r d
colorbalance picture: rs gs bs rm gm bm rh gh bh pl
colorchannelmixer picture: rr rg rb ra gr gg gb ga br bg bb ba ar ag ab aa pc pa
colorchart picture: rate duration sar patch_size* preset / r d
colorcontrast picture: rc gm by rcw gmw byw pl
colorcorrect picture: rl bl rh bh saturation analyze
colorhold picture: color similarity blend
colorize picture: hue saturation lightness mix
colorkey picture: color similarity blend
colorkey_opencl picture: color similarity blend
colorlevels picture: rimin gimin bimin aimin rimax gimax bimax aimax romin gomin bomin aomin romax gomax bomax aomax preserve
colormap picture: patch_size* nb_patches type kernel
colormatrix picture: src dst
colorspace picture: all space range primaries trc format fast dither wpadapt iall ispace irange iprimaries itrc
colorspectrum picture: size* rate duration sar type / s* r d
colortemperature picture: temperature mix pl
compand other: attacks decays points soft-knee gain volume delay
compensationdelay other: mm cm m dry wet temp
concat picture: n v a unsafe
convolution picture: 0m 1m 2m 3m 0rdiv 1rdiv 2rdiv 3rdiv 0bias 1bias 2bias 3bias 0mode 1mode 2mode 3mode
convolution_opencl picture: 0m 1m 2m 3m 0rdiv 1rdiv 2rdiv 3rdiv 0bias 1bias 2bias 3bias
convolve picture: planes impulse noise / eof_action shortest repeatlast
copy picture:
cover_rect picture: cover mode
crop picture: out_w out_h x y keep_aspect exact / w h
cropdetect picture: limit round reset skip reset_count max_outliers
crossfeed other: strength range slope level_in level_out block_size
crystalizer other: i c
cue picture: cue preroll buffer
curves picture: preset master red green blue all psfile plot / m r g b
datascope picture: size* x y mode axis opacity format components / s*
dblur picture: angle radius planes
dcshift other: shift limitergain
dctdnoiz picture: sigma overlap expr n / s e
deband picture: 1thr 2thr 3thr 4thr range direction blur coupling / r d b c
deblock picture: filter block alpha beta gamma delta planes
decimate picture: cycle dupthresh scthresh blockx blocky ppsrc chroma
deconvolve picture: planes impulse noise / eof_action shortest repeatlast
dedot picture: m lt tl tc ct
deesser other: i m f s
deflate picture: threshold0 threshold1 threshold2 threshold3
deflicker picture: size mode bypass / s m
deinterlace_qsv picture: mode
deinterlace_vaapi picture: mode rate auto
dejudder picture: cycle
delogo picture: x y w h show
denoise_vaapi picture: denoise
derain picture: filter_type dnn_backend model input output
deshake picture: x y w h rx ry edge blocksize contrast search filename opencl
deshake_opencl picture: tripod debug adaptive_crop refine_features smooth_strength smooth_window_multiplier
despill picture: type mix expand red green blue brightness alpha
detelecine picture: first_field pattern start_frame
dialoguenhance other: original enhance voice
dilation picture: coordinates threshold0 threshold1 threshold2 threshold3
dilation_opencl picture: threshold0 threshold1 threshold2 threshold3 coordinates
displace picture: edge
dnn_classify picture: dnn_backend model input output backend_configs async confidence labels target / options
dnn_detect picture: dnn_backend model input output backend_configs async confidence labels / options
dnn_processing picture: dnn_backend model input output backend_configs async / options
doubleweave picture: first_field
drawbox picture: x y width height color thickness replace box_source / w h c t
drawgraph picture: m1 fg1 m2 fg2 m3 fg3 m4 fg4 bg min max mode slide size* rate / s* r
drawgrid picture: x y width height color thickness replace / w h c t
drawtext picture: fontfile text textfile fontcolor fontcolor_expr boxcolor bordercolor shadowcolor box boxborderw line_spacing
  fontsize x y shadowx shadowy borderw tabsize basetime font expansion timecode tc24hmax timecode_rate reload alpha fix_bounds
  start_number text_source text_shaping ft_load_flags / r rate
drmeter other: length
dynaudnorm other: framelen gausssize peak maxgain targetrms coupling correctdc altboundary compress threshold channels overlap / f
  g p m r n c b s t h o
earwax other:
ebur128 picture: video size* meter framelog metadata peak dualmono panlaw target gauge scale
edgedetect picture: high low mode planes
elbg picture: codebook_length nb_steps seed pal8 use_alpha / l n s
entropy picture: mode
epx picture: n
eq picture: contrast brightness saturation gamma gamma_r gamma_g gamma_b gamma_weight eval
equalizer other: frequency width_type width gain mix channels normalize transform precision blocksize / f t w g m c n a r b
erosion picture: coordinates threshold0 threshold1 threshold2 threshold3
erosion_opencl picture: threshold0 threshold1 threshold2 threshold3 coordinates
estdif picture: mode parity deint rslope redge ecost mcost dcost interp
exposure picture: exposure black
extractplanes picture: planes
extrastereo other: m c
fade picture: type start_frame nb_frames alpha start_time duration color / t s n st d c
feedback picture: x y w h
fftdnoiz picture: sigma amount block overlap method prev next planes window
fftfilt picture: dc_Y dc_U dc_V weight_Y weight_U weight_V eval
field picture: type
fieldhint picture: hint mode
fieldmatch picture: order mode ppsrc field mchroma y0 y1 scthresh combmatch combdbg cthresh chroma blockx blocky combpel
fieldorder picture: order
fifo picture:
fillborders picture: left right top bottom mode color
find_rect picture: object threshold mipmaps xmin ymin xmax ymax discard
firequalizer other: gain gain_entry delay accuracy wfunc fixed multi zero_phase scale dumpfile dumpscale fft2 min_phase
flanger other: delay depth regen width speed shape phase interp
flip_vulkan picture:
flite other: list_voices nb_samples text textfile v / n voice
floodfill picture: x y s0 s1 s2 s3 d0 d1 d2 d3
format picture: pix_fmts
fps picture: fps start_time round eof_action
framepack picture: format
framerate picture: fps interp_start interp_end scene flags
framestep picture: step
freezedetect picture: n d / noise duration
freezeframes picture: first last replace
frei0r picture: filter_name filter_params
frei0r_src picture: size* framerate filter_name filter_params
fspp picture: quality qp strength use_bframe_qp
gblur picture: sigma steps planes sigmaV
gblur_vulkan picture: sigma sigmaV planes size sizeV
geq picture: lum_expr cb_expr cr_expr alpha_expr red_expr green_expr blue_expr interpolation / lum cb cr a r g b i
gradfun picture: strength radius
gradients picture: size* rate c0 c1 c2 c3 c4 c5 c6 c7 x0 y0 x1 y1 nb_colors seed duration speed type / s* r n d t
graphmonitor picture: size* opacity mode flags rate / s* o m f r
grayworld picture:
greyedge picture: difford minknorm sigma
guided picture: radius eps mode sub guidance planes
haas other: level_in level_out side_gain middle_source middle_phase left_delay left_balance left_gain left_phase right_delay
  right_balance right_gain right_phase
haldclut picture: clut interp / eof_action shortest repeatlast
haldclutsrc picture: level rate duration sar / r d
hdcd other: disable_autoconvert process_stereo cdt_ms force_pe analyze_mode bits_per_sample
headphone other: map gain lfe type size hrir
hflip picture:
hflip_vulkan picture:
highpass other: frequency width_type width poles mix channels normalize transform precision blocksize / f t w p m c n a r b
highshelf other: frequency width_type width gain poles mix channels normalize transform precision blocksize / f t w g p m c n a r
  b
hilbert other: sample_rate taps nb_samples win_func / r t n w
histeq picture: strength intensity antibanding
histogram picture: level_height scale_height display_mode levels_mode components fgopacity bgopacity colors_mode / d m c f b l
hqdn3d picture: luma_spatial chroma_spatial luma_tmp chroma_tmp
hqx picture: n
hstack picture: inputs shortest
hsvhold picture: hue sat val similarity blend
hsvkey picture: hue sat val similarity blend
hue picture: h s H b
huesaturation picture: hue saturation intensity colors strength rw gw bw lightness
hwdownload picture:
hwmap picture: mode derive_device reverse
hwupload picture: derive_device
hwupload_cuda picture: device
hysteresis picture: planes threshold / eof_action shortest repeatlast
identity picture: / eof_action shortest repeatlast
idet picture: intl_thres prog_thres rep_thres half_life analyze_interlaced_flag
il picture: luma_mode chroma_mode alpha_mode luma_swap chroma_swap alpha_swap / l c a ls cs as
inflate picture: threshold0 threshold1 threshold2 threshold3
interlace picture: scan lowpass
interleave picture: nb_inputs duration / n
join other: inputs channel_layout map
kerndeint picture: thresh map order sharp twoway
kirsch picture: planes scale delta
ladspa other: file plugin controls sample_rate nb_samples duration latency / f p c s n d l
lagfun picture: decay planes
latency picture:
lenscorrection picture: cx cy k1 k2 i fc
libplacebo picture: w h format force_original_aspect_ratio force_divisible_by normalize_sar pad_crop_ratio colorspace range
  color_primaries color_trc upscaler downscaler lut_entries antiringing sigmoid apply_filmgrain apply_dolbyvision deband
  deband_iterations deband_threshold deband_radius deband_grain brightness contrast saturation hue gamma peak_detect
  smoothing_period minimum_peak scene_threshold_low scene_threshold_high overshoot intent gamut_mode tonemapping tonemapping_param
  tonemapping_mode inverse_tonemapping tonemapping_crosstalk tonemapping_lut_size desaturation_strength desaturation_exponent
  gamut_warning gamut_clipping dithering dither_lut_size dither_temporal cones cone-strength custom_shader_path custom_shader_bin
  skip_aa polar_cutoff disable_linear disable_builtin force_icc_lut force_dither disable_fbos
life picture: filename size* rate rule random_fill_ratio random_seed stitch mold life_color death_color mold_color / f s* r ratio
  seed
limitdiff picture: threshold elasticity reference planes
limiter picture: min max planes
loop picture: loop size start
loudnorm other: I LRA TP measured_I measured_LRA measured_TP measured_thresh offset linear dual_mono print_format / i lra tp
  measured_i measured_lra measured_tp
lowpass other: frequency width_type width poles mix channels normalize transform precision blocksize / f t w p m c n a r b
lowshelf other: frequency width_type width gain poles mix channels normalize transform precision blocksize / f t w g p m c n a r b
lumakey picture: threshold tolerance softness
lut picture: c0 c1 c2 c3 y u v r g b a
lut1d picture: file interp
lut2 picture: c0 c1 c2 c3 d / eof_action shortest repeatlast
lut3d picture: file clut interp
lutrgb picture: c0 c1 c2 c3 y u v r g b a
lutyuv picture: c0 c1 c2 c3 y u v r g b a
lv2 other: plugin controls sample_rate nb_samples duration / p c s n d
mandelbrot picture: size* rate maxiter start_x start_y start_scale end_scale end_pts bailout morphxf morphyf morphamp outer inner
  / s* r
maskedclamp picture: undershoot overshoot planes
maskedmax picture: planes
maskedmerge picture: planes
maskedmin picture: planes
maskedthreshold picture: threshold planes
maskfun picture: low high planes fill sum
mcompand other: args
median picture: radius planes radiusV percentile
mergeplanes picture: mapping format map0s map0p map1s map1p map2s map2p map3s map3p
mestimate picture: method mb_size search_param
metadata picture: mode key value function expr file direct
midequalizer picture: planes
minterpolate picture: fps mi_mode mc_mode me_mode me mb_size search_param vsbmc scd scd_threshold
mix picture: inputs weights scale planes duration
monochrome picture: cb cr size high
morpho picture: mode planes structure / eof_action shortest repeatlast
movie picture: filename format_name stream_index seek_point streams loop discontinuity dec_threads format_opts / f si sp s
mpdecimate picture: max hi lo frac
mptestsrc picture: rate duration test max_frames / r d t m
msad picture: / eof_action shortest repeatlast
multiply picture: scale offset planes
negate picture: components negate_alpha
nlmeans picture: s p pc r rc
nlmeans_opencl picture: s p pc r rc
nnedi picture: weights deint field planes nsize nns qual etype pscrn
noformat picture: pix_fmts
noise picture: all_seed all_strength all_flags c0_seed c0_strength c0_flags c1_seed c1_strength c1_flags c2_seed c2_strength
  c2_flags c3_seed c3_strength c3_flags / alls allf c0s c0f c1s c1f c2s c2f c3s c3f
normalize picture: blackpt whitept smoothing independence strength
null picture:
nullsink other:
nullsrc picture: size* rate duration sar / s* r d
openclsrc picture: source kernel size* format rate / s* r
oscilloscope picture: x y s t o tx ty tw th c g st sc
overlay picture: x y eof_action shortest repeatlast / eval format alpha
overlay_cuda picture: x y eof_action shortest repeatlast / eval
overlay_opencl picture: x y
overlay_qsv picture: x y w h alpha eof_action shortest repeatlast
overlay_vaapi picture: x y w h alpha
overlay_vulkan picture: x y
owdenoise picture: depth luma_strength chroma_strength / ls cs
pad picture: width height x y color eval aspect / w h
pad_opencl picture: width height x y color aspect / w h
pal100bars picture: size* rate duration sar / s* r d
pal75bars picture: size* rate duration sar / s* r d
palettegen picture: max_colors reserve_transparent transparency_color stats_mode use_alpha
paletteuse picture: dither bayer_scale diff_mode new alpha_threshold use_alpha debug_kdtree color_search mean_err debug_accuracy
pan other: args
perms picture: mode seed
perspective picture: x0 y0 x1 y1 x2 y2 x3 y3 interpolation sense eval
phase picture: mode
photosensitivity picture: frames threshold skip bypass / f t
pixdesctest picture:
pixelize picture: width height mode planes / w h m p
pixscope picture: x y w h o wx wy
pp picture: subfilters
pp7 picture: qp mode
premultiply picture: planes inplace
prewitt picture: planes scale delta
prewitt_opencl picture: planes scale delta
procamp_vaapi picture: b s c h / brightness saturatio contrast hue
program_opencl picture: source kernel inputs size* / s* eof_action shortest repeatlast
pseudocolor picture: c0 c1 c2 c3 index preset opacity / i p
psnr picture: stats_file stats_version output_max / f eof_action shortest repeatlast
pullup picture: jl jr jt jb sb mp
qp picture: qp
random picture: frames seed
readeia608 picture: scan_min scan_max spw chp lp
readvitc picture: scan_max thr_b thr_w
realtime picture: limit speed
remap picture: format fill
remap_opencl picture: interp fill
removegrain picture: m0 m1 m2 m3
removelogo picture: filename / f
repeatfields picture:
replaygain other:
reverse picture:
rgbashift picture: rh rv gh gv bh bv ah av edge
rgbtestsrc picture: size* rate duration sar complement / s* r d co
roberts picture: planes scale delta
roberts_opencl picture: planes scale delta
rotate picture: angle out_w out_h fillcolor bilinear / a ow oh c
rubberband other: tempo pitch transients detector phase window smoothing formant pitchq channels
sab picture: luma_radius luma_pre_filter_radius luma_strength chroma_radius chroma_pre_filter_radius chroma_strength / lr lpfr ls
  cr cpfr cs
scale picture: w h flags interl size in_color_matrix out_color_matrix in_range out_range in_v_chr_pos in_h_chr_pos out_v_chr_pos
  out_h_chr_pos force_original_aspect_ratio force_divisible_by param0 param1 src_v_chr_pos src_h_chr_pos dst_v_chr_pos dst_h_chr_pos
  sws_dither gamma alphablend threads / width height eval sws_flags srcw srch dstw dsth src_format dst_format src_range dst_range
scale2ref picture: w h flags interl size in_color_matrix out_color_matrix in_range out_range in_v_chr_pos in_h_chr_pos
  out_v_chr_pos out_h_chr_pos force_original_aspect_ratio force_divisible_by param0 param1 src_v_chr_pos src_h_chr_pos dst_v_chr_pos
  dst_h_chr_pos sws_dither gamma alphablend threads / width height eval sws_flags srcw srch dstw dsth src_format dst_format
  src_range dst_range
scale_cuda picture: w h interp_algo format passthrough param force_original_aspect_ratio force_divisible_by
scale_qsv picture: w h format mode
scale_vaapi picture: w h format mode out_color_matrix out_range out_color_primaries out_color_transfer out_chroma_location
  force_original_aspect_ratio force_divisible_by
scale_vulkan picture: w h scaler format out_range
scdet picture: threshold sc_pass / t s
scharr picture: planes scale delta
scroll picture: horizontal vertical hpos vpos / h v
segment picture: timestamps frames
select picture: expr outputs / e n
selectivecolor picture: correction_method reds yellows greens cyans blues magentas whites neutrals blacks psfile
sendcmd picture: commands filename / c f
separatefields picture:
setdar picture: dar max / ratio r
setfield picture: mode
setparams picture: field_mode range color_primaries color_trc colorspace
setpts picture: expr
setrange picture: range
setsar picture: sar max / ratio r
settb picture: expr / tb
sharpness_vaapi picture: sharpness
shear picture: shx shy fillcolor interp / c
showcqt picture: size* fps bar_h axis_h sono_h fullhd sono_v bar_v sono_g bar_g bar_t timeclamp attack basefreq endfreq coeffclamp
  tlength count fcount fontfile font fontcolor axisfile axis csp cscheme / s* rate r volume volume2 gamma gamma2 tc text
showfreqs picture: size* rate mode ascale fscale win_size win_func overlap averaging colors cmode minamp data channels / s* r
showinfo picture: checksum
showpalette picture: s
showspatial picture: size* win_size win_func overlap / s*
showspectrum picture: size* slide mode color scale fscale saturation win_func orientation overlap gain data rotation start stop
  fps legend drange limit opacity / s*
showspectrumpic picture: size* mode color scale fscale saturation win_func orientation gain legend rotation start stop drange
  limit opacity / s*
showvolume picture: rate b w h f c t v dm dmc o s p m ds / r
showwaves picture: size* mode n rate split_channels colors scale draw / s* r
showwavespic picture: size* split_channels colors scale draw filter / s*
shuffleframes picture: mapping
shufflepixels picture: direction mode width height seed / d m w h s
shuffleplanes picture: map0 map1 map2 map3
sidechaincompress other: level_in mode threshold ratio attack release makeup knee link detection level_sc mix
sidechaingate other: level_in mode range threshold ratio attack release makeup knee detection link level_sc
sidedata picture: mode type
sierpinski picture: size* rate seed jump type / s* r
signalstats picture: stat out c / color
signature picture: detectmode nb_inputs filename format th_d th_dc th_xh th_di th_it
silencedetect other: n d mono / noise duration m
silenceremove other: start_periods start_duration start_threshold start_silence start_mode stop_periods stop_duration
  stop_threshold stop_silence stop_mode detection window
sinc other: sample_rate nb_samples hp lp phase beta att round hptaps lptaps / r n
sine other: frequency beep_factor sample_rate duration samples_per_frame / f b r d
siti picture: print_summary
smartblur picture: luma_radius luma_strength luma_threshold chroma_radius chroma_strength chroma_threshold / lr ls lt cr cs ct
smptebars picture: size* rate duration sar / s* r d
smptehdbars picture: size* rate duration sar / s* r d
sobel picture: planes scale delta
sobel_opencl picture: planes scale delta
sofalizer other: sofa gain rotation elevation radius type speakers lfegain framesize normalize interpolate minphase anglestep
  radstep
spectrumsynth other: sample_rate channels scale slide win_func overlap orientation
speechnorm other: peak expansion compression threshold raise fall channels invert link / p e c t r f h i l
split picture: outputs
spp picture: quality qp mode use_bframe_qp / dct idct
sr picture: dnn_backend scale_factor model input output
ssim picture: stats_file / f eof_action shortest repeatlast
stereo3d picture: in out
stereotools other: level_in level_out balance_in balance_out softclip mutel muter phasel phaser mode slev sbal mlev mpan base
  delay sclevel phase bmode_in bmode_out
stereowiden other: delay feedback crossfeed drymix
streamselect picture: inputs map
subtitles picture: filename original_size* fontsdir alpha charenc stream_index force_style / f si
super2xsai picture:
superequalizer other: 1b 2b 3b 4b 5b 6b 7b 8b 9b 10b 11b 12b 13b 14b 15b 16b 17b 18b
surround other: chl_out chl_in level_in level_out lfe lfe_low lfe_high lfe_mode angle fc_in fc_out fl_in fl_out fr_in fr_out sl_in
  sl_out sr_in sr_out bl_in bl_out br_in br_out bc_in bc_out lfe_in lfe_out allx ally fcx flx frx blx brx slx srx bcx fcy fly fry
  bly bry sly sry bcy win_size win_func overlap
swaprect picture: w h x1 y1 x2 y2
swapuv picture:
tblend picture: c0_mode c1_mode c2_mode c3_mode all_mode c0_expr c1_expr c2_expr c3_expr all_expr c0_opacity c1_opacity c2_opacity
  c3_opacity all_opacity
telecine picture: first_field pattern
testsrc picture: size* rate duration sar decimals / s* r d n
testsrc2 picture: size* rate duration sar alpha / s* r d
thistogram picture: width display_mode levels_mode components bgopacity envelope ecolor slide / w d m c b e ec
threshold picture: planes
thumbnail picture: n
thumbnail_cuda picture: n
tile picture: layout* nb_frames margin padding color overlap init_padding
tiltshelf other: frequency width_type width gain poles mix channels normalize transform precision blocksize / f t w g p m c n a r
  b
tinterlace picture: mode flags
tlut2 picture: c0 c1 c2 c3
tmedian picture: radius planes percentile
tmidequalizer picture: radius sigma planes
tmix picture: frames weights scale planes
tonemap picture: tonemap param desat peak
tonemap_opencl picture: tonemap transfer matrix primaries range format peak param desat threshold / t m p r
tonemap_vaapi picture: format matrix primaries transfer / m p t
tpad picture: start stop start_mode stop_mode start_duration stop_duration color
transpose picture: dir passthrough
transpose_opencl picture: dir passthrough
transpose_vaapi picture: dir passthrough
transpose_vulkan picture: dir passthrough
treble other: frequency width_type width gain poles mix channels normalize transform precision blocksize / f t w g p m c n a r b
tremolo other: f d
trim picture: start end start_pts end_pts duration start_frame end_frame / starti endi durationi
unpremultiply picture: planes inplace
unsharp picture: luma_msize_x luma_msize_y luma_amount chroma_msize_x chroma_msize_y chroma_amount alpha_msize_x alpha_msize_y
  alpha_amount / lx ly la cx cy ca ax ay aa
unsharp_opencl picture: luma_msize_x luma_msize_y luma_amount chroma_msize_x chroma_msize_y chroma_amount / lx ly la cx cy ca
untile picture: layout*
v360 picture: input output interp w h in_stereo out_stereo in_forder out_forder in_frot out_frot in_pad out_pad fin_pad fout_pad
  yaw pitch roll rorder h_fov v_fov d_fov h_flip v_flip d_flip ih_flip iv_flip in_trans out_trans ih_fov iv_fov id_fov h_offset
  v_offset alpha_mask reset_rot
vaguedenoiser picture: threshold method nsteps percent planes type
varblur picture: min_r max_r planes / eof_action shortest repeatlast
vectorscope picture: mode x y intensity envelope graticule opacity flags bgopacity lthreshold hthreshold colorspace tint0 tint1 /
  m i e g o f b l h c t0 t1
vflip picture:
vflip_vulkan picture:
vfrdet picture:
vibrance picture: intensity rbal gbal bbal rlum glum blum alternate
vibrato other: f d
vidstabdetect picture: result shakiness accuracy stepsize mincontrast show tripod
vidstabtransform picture: input smoothing optalgo maxshift maxangle crop invert relative zoom optzoom zoomspeed interpol tripod
  debug
vif picture:
vignette picture: angle x0 y0 mode eval dither aspect / a
virtualbass other: cutoff strength
vmafmotion picture: stats_file
volume other: volume precision eval replaygain replaygain_preamp replaygain_noclip
volumedetect other:
vpp_qsv picture: deinterlace denoise detail framerate procamp hue saturation contrast brightness transpose cw ch cx cy w h format
  async_depth scale_mode / width height
vstack picture: inputs shortest
w3fdif picture: filter mode parity deint
waveform picture: mode intensity mirror display components envelope filter graticule opacity flags scale bgopacity tint0 tint1
  fitmode / m i r d c e f g o fl s b t0 t1 fm
weave picture: first_field
xbr picture: n
xcorrelate picture: planes secondary / eof_action shortest repeatlast
xfade picture: transition duration offset expr
xfade_opencl picture: transition source kernel duration offset
xmedian picture: inputs planes percentile / eof_action shortest repeatlast
xstack picture: inputs layout grid* shortest fill
yadif picture: mode parity deint
yadif_cuda picture: mode parity deint
yaepblur picture: radius planes sigma / r p s
yuvtestsrc picture: size* rate duration sar / s* r d
zmq picture: bind_address / b
zoompan picture: zoom x y d s* fps / z
zscale picture: w h size dither filter out_range primaries transfer matrix in_range primariesin transferin matrixin chromal
  chromalin npl agamma param_a param_b / width height s d f range r p t m rangein rin pin tin min c cin`)
